"""What a user does on a machine of his own, step by step: the same on every kind of machine.

Each step takes the machine as the one before has left it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.machine.machine import Machine

ONE, TWO = "local-stage1", "local-stage2"
STACKS = (ONE, TWO)


def both_stages_come_up(machine: Machine) -> None:
    machine.put_checkout()
    for stack in STACKS:
        said = machine.make("up", stack)
        assert ", 200 in" in said, said
        assert visits(machine, stack) > 0


def a_unit_gets_its_command_word_for_word(machine: Machine) -> None:
    """What systemd expands in a command line: the first host failed on it."""
    words = "$$ $? $rc ${HOME} $HOME %n %% \\\\ 'a' \"b\""
    program = (
        "import subprocess; from pathlib import Path; "
        "from components.clouds.local.hosts import units; "
        f"command = ['printf', '%s', {words!r}]; console = Path('/tmp/said'); "
        "argv = units.starting('stages-words.service', hostname='$$ %n', memory_mib=64, "
        "console=console, command=command); subprocess.run(argv, check=True); "
    )
    machine.says(f".venv/bin/python -c {shlex.quote(program)}")
    machine.says("until [ -s /tmp/said ]; do sleep 0.1; done")
    assert machine.says("cat /tmp/said") == words


def a_second_up_changes_nothing(machine: Machine) -> None:
    for stack in STACKS:
        before = traces(machine)
        said = machine.make("up", stack)
        assert "nothing to change" in said, said
        after = traces(machine)
        assert after == before, f"{before}\n---\n{after}"


def each_host_hands_its_controllers_down(machine: Machine) -> None:
    """Else the limits of services inside it do not hold: its own group must have no process."""
    said = machine.says(CONTROLLERS)
    assert said.splitlines() and all(line.startswith("ok ") for line in said.splitlines()), said


def refresh_finds_no_drift(machine: Machine) -> None:
    for stack in STACKS:
        said = machine.make("refresh", stack)
        assert "No drift" in said, said


def a_server_is_replaced_and_keeps_its_data(machine: Machine) -> None:
    before, there = outputs(machine, ONE)["server_id"], visits(machine, ONE)
    machine.make("replace", ONE, "YES=1")
    assert outputs(machine, ONE)["server_id"] != before
    assert visits(machine, ONE) > there


def a_reboot_of_the_machine_brings_the_stacks_back(machine: Machine) -> None:
    there = {stack: visits(machine, stack) for stack in STACKS}
    machine.reboot()
    for stack in STACKS:
        ask = f"curl -sS --fail --max-time 5 {url(machine, stack)}/proof.json >/dev/null"
        machine.says(f"until {ask}; do sleep 0.5; done", timeout_s=60)  # as a server would
        said = machine.make("up", stack)
        assert "nothing to change" in said, said
        assert visits(machine, stack) > there[stack]


def behind_a_firewall_that_drops_forwarded_packets(machine: Machine) -> None:
    """As Docker has it when it starts before the stacks: after each reboot."""
    machine.run(f"cat > {FIREWALL}; systemctl enable --quiet drops.service", stdin=DROPS.encode())
    a_reboot_of_the_machine_brings_the_stacks_back(machine)
    assert "-P FORWARD DROP" in machine.says("iptables -S FORWARD")
    for stack in STACKS:
        machine.make("ssh", stack, f"COMMAND={shlex.quote(ASK_NAME_SERVER)}")
    machine.run(f"systemctl disable --quiet drops.service; rm -f {FIREWALL}")


def a_host_reboots_from_inside(machine: Machine) -> None:
    boot = f"make -s ssh STACK={TWO} COMMAND='cat /proc/sys/kernel/random/boot_id' 2>/dev/null"
    before = machine.says(boot)
    machine.make("ssh", TWO, "COMMAND='sudo systemctl --no-block reboot'")
    again = f'now=$({boot}) && [ "$now" != {shlex.quote(before)} ]'
    machine.says(f"until {again}; do sleep 0.5; done")
    ask = f"curl -sS --fail --max-time 5 {url(machine, TWO)}/proof.json >/dev/null"
    machine.says(f"until {ask}; do sleep 0.5; done")


def up_starts_a_host_that_was_powered_off(machine: Machine) -> None:
    there = visits(machine, ONE)
    machine.make("ssh", ONE, "COMMAND='sudo systemctl --no-block poweroff'")
    machine.says(f"while pgrep -f '{ONE}-app/[s]tart.sh' >/dev/null; do sleep 0.2; done")
    said = machine.make("up", ONE)
    assert f"{ONE}: host {ONE}-app is down." in said, said
    assert visits(machine, ONE) > there


def down_and_delete_data_leave_nothing(machine: Machine) -> None:
    for stack in STACKS:
        machine.make("down", stack, "YES=1")
        machine.make("delete-data", stack, f"CONFIRM={stack}")
    left = traces(machine)
    assert left == "", left


FIREWALL = "/etc/systemd/system/drops.service"
DROPS = """
[Unit]
Description=What Docker does to the firewall when it starts
Before=network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=iptables -P FORWARD DROP
ExecStart=iptables -N DOCKER-USER
ExecStart=iptables -A FORWARD -j DOCKER-USER
ExecStart=sysctl --quiet net.bridge.bridge-nf-call-iptables=1
[Install]
WantedBy=multi-user.target
"""
ASK_NAME_SERVER = (
    'python3 -c "import socket, re; s = socket.socket(2, 2); s.settimeout(20); '
    "to = re.search('nameserver (.*)', open('/etc/resolv.conf').read())[1]; "
    "s.sendto(bytes([7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1]), (to, 53)); "
    's.recv(512)"'
)
"""Ends well when a name server outside has answered anything at all."""

STEPS: tuple[Callable[[Machine], None], ...] = (
    both_stages_come_up,
    a_unit_gets_its_command_word_for_word,
    a_second_up_changes_nothing,
    each_host_hands_its_controllers_down,
    refresh_finds_no_drift,
    a_server_is_replaced_and_keeps_its_data,
    behind_a_firewall_that_drops_forwarded_packets,
    a_host_reboots_from_inside,
    up_starts_a_host_that_was_powered_off,
    down_and_delete_data_leave_nothing,
)


def outputs(machine: Machine, stack: str) -> dict[str, Any]:
    outputs_by_name: dict[str, Any] = json.loads(machine.make("outputs", stack, "JSON=1"))
    return outputs_by_name


@cache
def url(machine: Machine, stack: str) -> str:
    """The address never changes; each question takes a minute on a virtual machine."""
    return str(outputs(machine, stack)["url"])


def visits(machine: Machine, stack: str) -> int:
    """Visits that the sample app has in its database, this one included."""
    ask = f"curl -sS --fail --max-time 60 {url(machine, stack)}/proof.json"
    proof = json.loads(machine.says(ask))
    assert proof["queue"]["reachable"], proof
    return int(proof["visits"]["count"])


CONTROLLERS = """
for group in /sys/fs/cgroup/machine.slice/stages-*.service; do
  has=$(cat "$group/cgroup.controllers") down=$(cat "$group/cgroup.subtree_control")
  [ -z "$(cat "$group/cgroup.procs")" ] && [ "$has" = "$down" ] && good=ok || good=not
  echo "$good $group: $has, handed down: $down, processes: $(cat "$group/cgroup.procs")"
done
"""
TRACES = """
ip -brief link | awk '$1 !~ /^(lo|e|docker0)/ { print "interface", $1 }'
nft list tables | grep stages || true
ls /run/stages-local-forwarding 2>/dev/null || true
awk '$2 ~ "^/var/lib/stages/" && $2 !~ "/image/" { print "mount", $2 }' /proc/mounts
find /var/lib/stages -name '*.img' -exec losetup --noheadings --output NAME -j {} ';'
losetup --list --noheadings --output BACK-FILE | grep 'local-stage.*deleted' || true
iptables-save | grep stg || true
pgrep -af '/var/lib/stages|systemd-nspawn' | grep -v 'bash -c' || true
systemctl list-units --all --no-legend --plain 'stages-*' || true
systemctl list-unit-files --no-legend 'stages-*' || true
ls -d /sys/fs/cgroup/stages-* /sys/fs/cgroup/machine.slice/stages-* 2>/dev/null || true
find /var/lib/stages -mindepth 1 -maxdepth 1 ! -name image ! -name pace.json
"""


def traces(machine: Machine) -> str:
    """Everything of the project that the machine has outside its checkout."""
    return machine.says(TRACES)
