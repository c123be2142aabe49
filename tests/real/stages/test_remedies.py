"""Remedies of errors about hosts, followed word for word on stacks that are up."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.clouds.local.hosts import inventory
from components.errors import HostUnreachable
from components.remote.work import work
from tests.real.stages.test_first_boot import silent
from tests.support.clone import Stack

pytestmark = pytest.mark.real


def test_a_server_that_somebody_removed_comes_back(stage2: Stack) -> None:
    name, before = stage2.name, stage2.outputs()
    host = inventory.find(before["server_id"])
    assert host is not None
    inventory.remove(host)
    stage2.configure(app__environment={"COLOUR": "red"})
    said = stage2.run("up", code=1)
    assert "its server is gone: someone or something else did that. " in said
    assert f"`make refresh STACK={name}` takes note of it, `make up STACK={name}` then" in said
    stage2.configure(server__plan="local-4gb")
    said = stage2.run("up", code=1)
    assert f"Server {before['server_id']} is gone. Run `make refresh STACK={name}`, then" in said
    stage2.configure(app__environment=None, server__plan=None)
    stage2.run("refresh")
    stage2.run("up")
    assert stage2.get()["problem"] is None
    assert stage2.outputs()["address"] == before["address"]


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An SSH agent without a key, which sessions of this test ask."""
    socket = tmp_path / "agent"
    with subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it says where it listens once it does
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        yield
        process.terminate()


@pytest.mark.usefixtures("agent")
def test_a_login_that_is_refused_is_let_in_with_a_key_in_the_agent(
    stage2: Stack, tmp_path: Path
) -> None:
    """As on a cloud that keeps no key of the stack's own: the operator's are offered."""
    (known,) = [
        resource["outputs"]
        for resource in stage2.exported()["deployment"]["resources"]
        if resource["type"].endswith(":FirstBoot")
    ]

    def look() -> dict[str, Any]:
        return work({**known, "private_key": ""}, {"mode": "boot"}, deadline_s=60, wait_s=0)

    key = tmp_path / "key"
    key.write_text(plain(known["private_key"]))
    key.chmod(0o600)
    with pytest.raises(HostUnreachable) as error:
        look()
    assert error.value.remedy.startswith("Offer a key of stages:access.ssh_keys: `ssh-add` it")
    subprocess.run(["ssh-add", "-q", str(key)], check=True)
    assert look() == {"failed": ""}


def plain(value: Any) -> str:
    """A secret of a state that was exported with its secrets, which are JSON."""
    text = json.loads(value["plaintext"]) if isinstance(value, dict) else value
    assert isinstance(text, str)
    return text


def test_a_server_that_does_not_tell_its_signs_still_has_a_status(stage1: Stack) -> None:
    with silent(stage1.outputs()["server_id"]):
        said = stage1.run("signals", code=1)
        assert f"`make status STACK={stage1.name}` shows the rest of the stack." in said
        said = stage1.run("status", code=1)
    assert f"{stage1.name}-app" in said
    print(said)
