"""A server whose first boot failed: it can be looked at, and the next ``up`` replaces it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from components.clouds.local.hosts import inventory
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.net import bridge
from components.errors import StepFailed
from components.host.packages import APP_PACKAGES
from tests.real.faults.running import Watched
from tests.real.stages.test_changes import fill, on_host
from tests.support.clone import Stack, fetch
from tests.support.waiting import until

pytestmark = pytest.mark.real


@contextmanager
def silent(server_id: str) -> Iterator[None]:
    """A host that serves and does not answer over SSH."""
    host = inventory.find(server_id)
    assert host is not None
    host.run(["systemctl", "stop", "ssh.socket", "ssh.service"])
    try:
        yield
    finally:
        host.run(["systemctl", "start", "ssh.service"])


def test_a_failed_first_boot_is_replaced_by_the_next_up(stage2: Stack) -> None:
    before, packages = stage2.outputs(), list(APP_PACKAGES)
    stage2.configure(app__packages=[*packages, "no-such-package"], server__generation=31)
    with silent(before["server_id"]):
        said = stage2.run("up", code=1)
    assert "Could not check whether the packages can be installed" in said
    assert "the first boot failed" in said
    assert f"`make up STACK={stage2.name}` then replaces this server" in said
    log = stage2.run("ssh", "sudo cat /var/log/cloud-init-output.log")
    assert "no-such-package" in log
    assert stage2.get()["problem"] is None, "the old server serves"
    stage2.run("refresh")
    said = stage2.up(app__packages=packages)
    assert "failed" in said and "it is replaced" in said
    after = stage2.outputs()
    assert after["address"] == before["address"] and after["server_id"] != before["server_id"]
    assert stage2.get()["problem"] is None
    assert len(inventory.every(stage2.name)) == 2, "the database's host and one app server"


def places_are_taken(stack: Stack) -> None:
    """Leave what killed runs leave whose state was lost as well: hosts that nobody takes away."""
    network, name = bridge.noted(stack.name), f"{stack.name}-app"
    assert network is not None

    def lay_down() -> Host:
        return inventory.lay_down(
            network, stack.name, name, numbers=range(16, 32), memory_mib=512, user_data=None
        )

    for _ in inventory.SLOTS[1:]:
        lay_down().note(complete=True, known=True)
    with pytest.raises(StepFailed) as error:
        lay_down()
    assert error.value.remedy == (
        f"`make down STACK={stack.name}` does; its data stays. Then `make up STACK={stack.name}`."
    )


def uptime(stack: Stack) -> str:
    try:
        return on_host(stack, "uptime -s")
    except AssertionError:
        return ""


PRETEND = """sudo sh -c 'mkdir -p /root/p/DEBIAN; printf "Package: no-such-package\\nVersion: 1\\n\
Architecture: all\\nMaintainer: t <t@example.com>\\nDescription: none\\n" > /root/p/DEBIAN/control
dpkg-deb -b /root/p /root/p.deb && dpkg -i /root/p.deb' >/dev/null"""
"""Have a server believe that there is such a package: it is not asked for it then."""


def test_a_failed_first_boot_of_stage_1_is_taken_away_and_replaced(stage1: Stack) -> None:
    """The old server has gone by then: what is left is the volume, and the failed server."""
    rows, before, packages = fill(stage1), stage1.outputs(), list(APP_PACKAGES)
    on_host(stage1, PRETEND)
    stage1.configure(app__packages=[*packages, "no-such-package"], server__generation=32)
    assert "the first boot failed" in stage1.run("up", code=1)
    assert "no-such-package" in on_host(stage1, "sudo cat /var/log/cloud-init-output.log")
    assert "first boot: failed" in stage1.run("status", code=1)
    places_are_taken(stage1)
    stage1.run("down")
    assert inventory.every(stage1.name) == []
    said = stage1.run("ssh", "true", code=1)
    assert "has no app server that can be logged in to. `make up STACK=" in said
    run = Watched(stage1)  # of a stack with nothing but data: it has no outputs to log in by
    run.wait(lambda: any("-way-in (WayIn)" in line.text for line in run.lines), 600)
    assert run.process.poll() is None
    until("a shell in the middle of an up", lambda: uptime(stage1), 60)
    assert "the first boot failed" in run.end()
    said = stage1.run("replace", code=2)
    assert "got 'no-such-package'" in said and "Nothing was changed." in said
    stage1.configure(app__packages=packages)
    stage1.run("replace")
    after = stage1.outputs()
    assert after["address"] == before["address"] and len(inventory.every(stage1.name)) == 1
    assert fetch(after["url"] + "/ledger")["count"] == rows
