"""Whether a new server could install its packages, asked of the one that serves."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from components import outputs
from components.errors import UserError
from components.seam import downtime
from scripts.lib import new_server, ssh

WAY_IN = {outputs.SSH_HOST: "192.0.2.1"}
APP = ("gunicorn", "nosuch")
WANTED = ("gunicorn", "nginx-light", "nosuch")
HOST = f"urn:pulumi:s::stages::stages:app_host:AppHost${downtime.HOST}::s-app-host"


class Server:
    """Stands in for ssh: what the server answers, and what it was asked."""

    def __init__(self, code: int, out: str = "", err: str = "") -> None:
        self.answer = code, out, err
        self.asked: list[str] = []

    def run(
        self, values: Mapping[str, Any], command: Sequence[str], **_: object
    ) -> subprocess.CompletedProcess[str]:
        assert values == WAY_IN
        self.asked += command
        code, out, err = self.answer
        return subprocess.CompletedProcess([], code, out, err)


def ask(monkeypatch: pytest.MonkeyPatch, server: Server) -> list[str]:
    """Ask it; return what was said."""
    messages: list[str] = []
    monkeypatch.setattr(ssh, "run", server.run)
    new_server.check(WANTED, APP, WAY_IN, "s", messages.append)
    return messages


def test_a_server_that_can_is_asked_once_and_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(0)
    assert ask(monkeypatch, server) == []
    (command,) = server.asked
    assert shlex.split(command)[-3:] == list(WANTED)


@pytest.mark.parametrize(
    ("apt", "got"),
    [
        ("E: Unable to locate package nosuch", "nosuch"),
        ("E: Package 'nosuch' has no installation candidate", "nosuch"),
        ("E: Unable to correct problems, you have held broken packages.", list(APP)),
    ],
)
def test_what_apt_refuses_is_named(monkeypatch: pytest.MonkeyPatch, apt: str, got: object) -> None:
    with pytest.raises(UserError) as error:
        ask(monkeypatch, Server(new_server.REFUSED, f"{apt}\n"))
    assert str(error.value) == (
        "stages:app.packages: should be packages that Debian has and that can be installed "
        f"together ({apt.removeprefix('E: ')}), got {got!r}. Correct them: `make ssh STACK=s`, "
        "then `apt-cache search WORD`, finds a name. Nothing was changed."
    )
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (Server(255, err="ssh: connect to host: Connection refused\n"), "Connection refused"),
        (Server(255, err="no answer in 90 s"), "no answer in 90 s"),
        (Server(new_server.NOT_ASKED), "its package index cannot be read"),
    ],
)
def test_no_answer_is_no_refusal(monkeypatch: pytest.MonkeyPatch, server: Server, why: str) -> None:
    (line,) = ask(monkeypatch, server)
    assert line.startswith("Could not check ") and why in line


def test_without_a_server_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(new_server.REFUSED)
    monkeypatch.setattr(ssh, "run", server.run)
    new_server.check(WANTED, APP, {}, "s", print)
    new_server.check((), APP, WAY_IN, "s", print)
    assert server.asked == []


@pytest.mark.parametrize("op", ["update", "delete"])
def test_only_those_of_a_new_server_and_new_ones_are_asked_about(op: downtime.Op) -> None:
    new = {"packages": list(WANTED)}
    added = downtime.Step(urn=HOST, op="update", old={"packages": ["gunicorn"]}, new=new)
    assert new_server.packages([added]) == WANTED
    fewer = downtime.Step(urn=HOST, op="update", old={"packages": [*WANTED, "more"]}, new=new)
    assert new_server.packages([fewer]) == ()
    other = downtime.Step(urn="urn:pulumi:s::stages::a:b:C::x", op="replace", new=new)
    assert new_server.packages([other, downtime.Step(urn=HOST, op=op, old=new, new=new)]) == ()
    for makes in ("create", "replace"):
        assert new_server.packages([other, downtime.Step(urn=HOST, op=makes, new=new)]) == WANTED


@pytest.mark.parametrize(
    ("installed", "knows", "index", "code"),
    [
        ("gunicorn nginx-light nosuch", "", "ok", 0),
        ("gunicorn nginx-light", "gunicorn nginx-light nosuch", "ok", 0),
        ("gunicorn nginx-light", "gunicorn nginx-light", "ok", new_server.REFUSED),
        ("gunicorn nginx-light", "gunicorn nginx-light", "fails", new_server.NOT_ASKED),
    ],
    ids=["installed", "known", "unknown", "no index"],
)
def test_the_script_on_the_server(
    tmp_path: Path, installed: str, knows: str, index: str, code: int
) -> None:
    """With stand-ins for Debian's commands: what is installed is not asked about."""
    update = "exit 0" if index == "ok" else "exit 100"
    commands = {
        "dpkg-query": f'for n; do :; done; case " {installed} " in *" $n "*) echo installed;; esac',
        "sudo": 'shift; exec "$@"',
        "apt-get": (
            f'case "$*" in *" update") {update};; esac\n'
            'while [ "$1" != -- ]; do shift; done; shift\n'
            f'for n; do case " {knows} " in *" $n "*) ;; '
            '*) echo "E: Unable to locate package $n"; exit 100;; esac; done'
        ),
    }
    for name, text in commands.items():
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", new_server.SCRIPT, "sh", *WANTED],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    message = "E: Unable to locate package nosuch\n" if code == new_server.REFUSED else ""
    assert (done.returncode, done.stdout) == (code, message)
