"""What a user does on a machine of his own, step by step: the same on every kind of machine.

Each step takes the machine as the one before has left it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
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


def a_second_up_changes_nothing(machine: Machine) -> None:
    for stack in STACKS:
        before = traces(machine)
        assert "nothing to change" in machine.make("up", stack)
        assert traces(machine) == before


def refresh_finds_no_drift(machine: Machine) -> None:
    for stack in STACKS:
        assert "No drift" in machine.make("refresh", stack)


def a_server_is_replaced_and_keeps_its_data(machine: Machine) -> None:
    for stack in STACKS:
        before, there = outputs(machine, stack)["server_id"], visits(machine, stack)
        machine.make("replace", stack, "YES=1")
        assert outputs(machine, stack)["server_id"] != before
        assert visits(machine, stack) > there


def a_reboot_of_the_machine_brings_the_stacks_back(machine: Machine) -> None:
    there = {stack: visits(machine, stack) for stack in STACKS}
    urls = {stack: outputs(machine, stack)["url"] for stack in STACKS}
    machine.reboot()
    for stack in STACKS:
        ask = f"curl -sS --fail --max-time 5 {urls[stack]}/proof.json >/dev/null"
        machine.says(f"until {ask}; do sleep 0.5; done", timeout_s=60)  # as a server would
        assert "nothing to change" in machine.make("up", stack)
        assert visits(machine, stack) > there[stack]


def up_starts_a_host_that_was_powered_off(machine: Machine) -> None:
    there = visits(machine, ONE)
    url = outputs(machine, ONE)["url"]
    machine.make("ssh", ONE, "COMMAND='sudo systemctl poweroff'")
    machine.says(f"while curl -s --fail --max-time 2 {url} >/dev/null; do sleep 0.2; done")
    assert "to update" in machine.make("up", ONE)
    assert visits(machine, ONE) > there


def down_and_delete_data_leave_nothing(machine: Machine) -> None:
    for stack in STACKS:
        machine.make("down", stack, "YES=1")
        machine.make("delete-data", stack, f"CONFIRM={stack}")
    assert traces(machine) == ""


STEPS: tuple[Callable[[Machine], None], ...] = (
    both_stages_come_up,
    a_second_up_changes_nothing,
    refresh_finds_no_drift,
    a_server_is_replaced_and_keeps_its_data,
    a_reboot_of_the_machine_brings_the_stacks_back,
    up_starts_a_host_that_was_powered_off,
    down_and_delete_data_leave_nothing,
)


def outputs(machine: Machine, stack: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(machine.make("outputs", stack, "JSON=1"))
    return found


def visits(machine: Machine, stack: str) -> int:
    """Visits that the sample app has in its database, this one included."""
    url = outputs(machine, stack)["url"]
    proof = json.loads(machine.says(f"curl -sS --fail --max-time 20 {url}/proof.json"))
    assert proof["queue"]["reachable"], proof
    return int(proof["visits"]["count"])


TRACES = """
ip -brief link | awk '$1 !~ /^(lo|eth0|ens)/ { print "interface", $1 }'
nft list tables | grep stages || true
ls /run/stages-local-forwarding 2>/dev/null || true
grep /var/lib/stages/ /proc/mounts | grep -v " /var/lib/stages/image/" || true
losetup --list --noheadings --output BACK-FILE | grep /var/lib/stages || true
pgrep -af '/var/lib/stages|systemd-nspawn' | grep -v 'bash -c' || true
systemctl list-units --all --no-legend --plain 'stages-*' || true
systemctl list-unit-files --no-legend 'stages-*' || true
ls -d /sys/fs/cgroup/stages-* /sys/fs/cgroup/machine.slice/stages-* 2>/dev/null || true
find /var/lib/stages -mindepth 1 -maxdepth 1 ! -name image
"""


def traces(machine: Machine) -> str:
    """Everything of the project that the machine has outside its checkout."""
    return machine.says(TRACES)
