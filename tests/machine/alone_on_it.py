"""What only a machine with a kernel of its own shows: limits of memory, and Docker beside it."""

from __future__ import annotations

import base64
from collections.abc import Callable

from tests.machine import scenario
from tests.machine.machine import Machine
from tests.machine.scenario import ONE, STACKS

DROP_IN = "/run/systemd/system/worker@worker.1.service.d"
EAT = f"""
set -eu
mkdir -p {DROP_IN}
printf 'kept = []\\nwhile True:\\n    kept.append(b"x" * 2**22)\\n' > /srv/app/eater
cat > {DROP_IN}/90-test.conf <<END
[Service]
ExecCondition=
ExecStart=
ExecStart=/usr/bin/python3 /srv/app/eater
END
systemctl daemon-reload
systemctl restart --no-block worker@worker.1.service
until grep -Eq '^oom_kill [1-9]' /sys/fs/cgroup/worker.slice/memory.events; do sleep 1; done
rm -r {DROP_IN} /srv/app/eater
systemctl daemon-reload
systemctl restart worker@worker.1.service
echo "worker.slice is held to $(cat /sys/fs/cgroup/worker.slice/memory.max) bytes"
"""
ASK_MEANWHILE = """
rm -f /tmp/answered /tmp/failed /tmp/enough
( until [ -e /tmp/enough ]; do
    curl -sS --fail --max-time 60 {url}/health > /dev/null 2>> /tmp/failed && echo >> /tmp/answered
    sleep 0.2
  done ) &
make ssh STACK={stack} COMMAND={command} < /dev/null
touch /tmp/enough
wait
echo "$(wc -l < /tmp/answered) answers meanwhile"
[ -s /tmp/answered ]
if [ -s /tmp/failed ]; then cat /tmp/failed; exit 1; fi
"""


def a_worker_that_eats_memory_meets_its_limit(machine: Machine) -> None:
    """The slice's limit ends it; the web processes serve all the while."""
    code = base64.b64encode(EAT.encode()).decode()
    command = f"'echo {code} | base64 --decode | sudo sh'"
    script = ASK_MEANWHILE.format(url=scenario.url(machine, ONE), stack=ONE, command=command)
    machine.says(script, timeout_s=120)
    assert scenario.visits(machine, ONE) > 0


def docker_is_there_before_the_stacks(machine: Machine) -> None:
    """As after each reboot of a machine with Docker: what is forwarded is dropped, bridges too."""
    machine.says("systemctl --quiet enable docker.service docker.socket containerd.service")
    machine.reboot()
    machine.says(
        "until systemctl --quiet is-active docker.service; do sleep 1; done", timeout_s=120
    )
    assert machine.says("iptables --list-rules FORWARD").splitlines()[0] == "-P FORWARD DROP"
    assert machine.says("cat /proc/sys/net/bridge/bridge-nf-call-iptables") == "1"


def hosts_reach_the_archives(machine: Machine) -> None:
    for stack in STACKS:
        machine.make("ssh", stack, "COMMAND='sudo apt-get -qq update && echo reached'")


def docker_keeps_no_rule_of_the_stacks(machine: Machine) -> None:
    said = machine.says("iptables-save; nft list ruleset").lower()
    assert "stages" not in said and "stg" not in said


PLAYED = (scenario.behind_a_firewall_that_drops_forwarded_packets,)
"""What only a container has to play: here is the real thing."""
STEPS: tuple[Callable[[Machine], None], ...] = (
    *(step for step in scenario.STEPS[:-1] if step not in PLAYED),
    a_worker_that_eats_memory_meets_its_limit,
    scenario.STEPS[-1],
    docker_is_there_before_the_stacks,
    scenario.both_stages_come_up,
    hosts_reach_the_archives,
    scenario.a_reboot_of_the_machine_brings_the_stacks_back,
    scenario.down_and_delete_data_leave_nothing,
    docker_keeps_no_rule_of_the_stacks,
)
"""The scenario of every machine, and the same once more with Docker."""
