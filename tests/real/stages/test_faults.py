"""Hosts that die, runs that are killed, shutdowns that fail."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from components.clouds.local.account.operations import leftovers
from components.clouds.local.hosts import disk, inventory, machine
from components.clouds.local.net import bridge
from tests.real.stages.conftest import network, take_away
from tests.real.stages.test_changes import fill, on_host
from tests.support.clone import Stack, fetch
from tests.support.waiting import until

pytestmark = pytest.mark.real


def kill_host(server_id: str) -> None:
    """Cut the power of a host."""
    host = inventory.find(server_id)
    assert host is not None and host.state() == "running"
    host.kill()


def test_a_killed_up_is_recovered_by_the_next(stage2: Stack) -> None:
    stage2.configure(server__generation=17)
    argv = [sys.executable, "-m", "scripts", "up", "--stack", stage2.name]
    with (stage2.clone.path / ".stages" / "killed.log").open("w") as log:
        run = subprocess.Popen(
            argv, cwd=stage2.clone.path, stdout=log, stderr=log, start_new_session=True
        )
    path = Path(log.name)
    until("the new server to be on its way", lambda: "server" in path.read_text().lower(), 60)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    stage2.run("up")
    assert stage2.get()["problem"] is None
    assert "nothing to change" in stage2.run("up")
    assert len(inventory.every(stage2.name)) == 2, "the database's host and one app server"


def test_a_second_stack_of_the_same_stage_lives_beside_the_first(stage1: Stack) -> None:
    rows = fill(stage1)
    other = stage1.clone.stack(f"{stage1.name}-test", stage=1, network__cidr=network(3))
    try:
        other.up()
        assert other.get()["stack"] == other.name
        assert fetch(other.outputs()["url"] + "/ledger")["count"] == 0
        assert fetch(stage1.outputs()["url"] + "/ledger")["count"] == rows
    finally:
        take_away(other)
    assert stage1.get()["problem"] is None


def test_a_shutdown_of_a_dead_host_is_skipped_and_on_a_silent_one_refused(stage2: Stack) -> None:
    before = stage2.outputs()["server_id"]
    on_host(stage2, "sudo systemctl stop ssh.socket ssh.service")
    said = stage2.run("replace", code=1)
    assert "stages:host.force_stop" in said
    kill_host(before)
    stage2.run("up")
    assert stage2.get()["problem"] is None


def test_down_keeps_the_data_and_up_finds_it_again(stage1: Stack, stage2: Stack) -> None:
    for stack in (stage1, stage2):
        rows, address = fill(stack), stack.outputs()["address"]
        said = stack.run("down")
        assert "These stay" in said
        left = leftovers(stack.name)
        assert left and all(line.startswith("volume ") for line in left), left
        stack.run("up")
        assert stack.outputs()["address"] == address
        assert fetch(stack.outputs()["url"] + "/ledger")["count"] == rows


def test_deleting_data_takes_the_stacks_name(stage1: Stack) -> None:
    said = stage1.run("delete-data", "--confirm", "yes", code=2)
    assert f"should be the stack's name '{stage1.name}', got 'yes'" in said
    assert stage1.get()["problem"] is None


def test_up_brings_back_what_a_reboot_of_the_machine_took(stage2: Stack) -> None:
    there = stage2.get()["visits"]["count"]
    power_off(stage2)
    said = stage2.run("up")
    assert f"{stage2.name}: host {stage2.name}-app is down." in said
    assert f"{stage2.name}: network {network(2)} is down." in said
    assert stage2.get()["visits"]["count"] > there
    assert "nothing to change" in stage2.run("up")


def test_a_boot_of_the_machine_brings_a_stack_back_without_the_engine(stage1: Stack) -> None:
    """What its unit runs where systemd runs the machine: tests/machine reboots one."""
    there, url = stage1.get()["visits"]["count"], stage1.outputs()["url"]
    power_off(stage1)
    module = [sys.executable, "-m", "components.clouds.local.hosts.at_boot", stage1.name]
    subprocess.run(module, cwd=stage1.clone.path, check=True)
    until("the app to answer", lambda: answers(f"{url}/health"), 60)
    assert "nothing to change" in stage1.run("up")
    assert stage1.get()["visits"]["count"] > there


def test_a_host_that_did_not_start_at_the_machines_boot_starts_at_the_next_up(
    stage1: Stack,
) -> None:
    there = stage1.get()["visits"]["count"]
    power_off(stage1)
    (host,) = inventory.every(stage1.name)
    spec = host.marker()["spec"]
    assert isinstance(spec, dict)
    host.note(spec={**spec, "image": "/nowhere"})
    module = [sys.executable, "-m", "components.clouds.local.hosts.at_boot", stage1.name]
    done = subprocess.run(
        module, cwd=stage1.clone.path, capture_output=True, text=True, check=False
    )
    host.note(spec=spec)
    assert done.returncode == 1 and done.stderr.startswith(f"{stage1.name}-app: ")
    assert done.stderr.endswith(f"`make up STACK={stage1.name}` tries again.\n")
    stage1.run("up")
    assert stage1.get()["visits"]["count"] > there


def power_off(stack: Stack) -> None:
    """Leave of a stack on the machine what a power cut leaves: files."""
    for host in inventory.every(stack.name):
        host.kill()
    bridge.down(bridge.names_of(stack.name))
    for file in (machine.stack_folder(stack.name) / "volumes").glob("*.img"):
        disk.release(file)


def answers(url: str) -> bool:
    try:
        fetch(url)
    except OSError:
        return False
    return True
