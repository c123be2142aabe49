"""A server whose first boot failed: it can be looked at, and the next ``up`` replaces it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from components.clouds.local.hosts import inventory
from tests.real.clone import SAMPLE, Stack

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
    before, packages = stage2.outputs(), SAMPLE["app.packages"]
    assert isinstance(packages, list)
    stage2.configure(app__packages=[*packages, "no-such-package"], server__generation=31)
    with silent(before["server_id"]):
        said = stage2.run("up", code=1)
    assert "Not checked: whether a new server can install its packages" in said
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
