"""Where requests go while web processes come and go, and which of them still have some."""

from __future__ import annotations

import grp
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from components.host.agent import web
from components.host.files.app import gate
from components.host.files.app.gate import Routes, busy, routes, ruleset


@pytest.mark.parametrize(
    ("opened", "wanted"),
    [
        (
            {1: "port", 2: "port"},
            Routes(redirects={}, refused=(), links={}, sockets=False),
        ),
        # The newest, which is of the new release.
        (
            {2: "port", 0: "port"},
            Routes(redirects={1: 0}, refused=(), links={}, sockets=False),
        ),
        ({0: "port"}, Routes(redirects={1: 0, 2: 0}, refused=(), links={}, sockets=False)),
        ({}, Routes(redirects={}, refused=(1, 2), links={}, sockets=False)),
        (
            {1: "socket", 2: "socket"},
            Routes(redirects={}, refused=(1, 2), links={1: 1, 2: 2}, sockets=True),
        ),
        (
            {2: "socket", 0: "socket"},
            Routes(redirects={}, refused=(1, 2), links={1: 0, 2: 2}, sockets=True),
        ),
        # From ports to sockets and back: Nginx asks what was opened last.
        (
            {1: "port", 2: "port", 0: "socket"},
            Routes(redirects={}, refused=(), links={1: 0, 2: 0}, sockets=True),
        ),
        (
            {1: "socket", 2: "socket", 0: "port"},
            Routes(redirects={1: 0, 2: 0}, refused=(), links={1: 1, 2: 2}, sockets=False),
        ),
    ],
)
def test_requests_to_a_closed_process_go_to_the_newest(
    opened: dict[int, str], wanted: Routes
) -> None:
    assert routes([1, 2], opened) == wanted


def test_the_rules_are_one_step_and_for_nginx_alone() -> None:
    text = ruleset(Routes(redirects={8001: 8000}, refused=(8002,), links={}, sockets=False))
    first, second, *rest = text.splitlines()
    assert (first, second) == ("table ip stages_web", "delete table ip stages_web")
    rules = [line for line in rest if "dport" in line]
    assert [line.rpartition(" tcp dport ")[2] for line in rules] == [
        "8001 redirect to :8000",
        "8002 reject with tcp reset",
    ]
    assert all("meta skuid www-data" in line for line in rules)


def test_a_process_is_busy_while_it_has_a_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not busy(port)
        with socket.create_connection(("127.0.0.1", port)):
            assert busy(port)  # also before it is accepted
            accepted, _ = server.accept()
        with accepted:
            assert not busy(port)  # the client has left


def test_a_socket_is_busy_while_it_has_a_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "socket_of", lambda port: tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        server.listen()
        assert not busy(1)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "socket"))
            assert busy(1)
            accepted, _ = server.accept()
            assert busy(1)
        accepted.close()
    assert not busy(1)


def test_nginx_gets_a_socket_and_no_link_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies there is the app's: root changes the mode of no file that it points to."""
    monkeypatch.setattr(web, "socket_of", lambda port: tmp_path / "run" / "socket")
    own = grp.getgrgid(tmp_path.stat().st_gid)
    monkeypatch.setattr(grp, "getgrnam", lambda name: own)
    assert not gate.let_nginx_in(1)
    (tmp_path / "run").mkdir()
    victim = tmp_path / "victim"
    victim.touch(mode=0o600)
    (tmp_path / "run/socket").symlink_to(victim)
    assert not gate.let_nginx_in(1)
    (tmp_path / "run/socket").unlink()
    (tmp_path / "run/socket").touch(mode=0o600)
    assert not gate.let_nginx_in(1)
    (tmp_path / "run/socket").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "run/socket"))
        assert gate.let_nginx_in(1)
    assert stat.S_IMODE((tmp_path / "run/socket").stat().st_mode) == 0o660
    assert stat.S_IMODE(victim.stat().st_mode) == 0o600


def test_a_process_that_ends_before_it_answers_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    config = {"ports": [1], "path": "/", "leave_s": 1}
    assert gate.open_when_ready(1, ended.pid, config) == 1


@pytest.mark.parametrize(
    ("takes_s", "asked"),
    [
        ([0.03], 20),
        ([0.08] * 10 + [0.05] * 10 + [0.03], 40),  # a JVM: the last round is no faster
        ([0.5], 5),
    ],
)
def test_a_process_is_asked_until_it_answers_no_faster(
    takes_s: list[float], asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]

    def answer(url: str) -> str:
        clock.append(clock[-1] + takes_s[min(len(clock), len(takes_s)) - 1])
        return "200"

    monkeypatch.setattr(web, "answer", answer)
    monkeypatch.setattr(time, "monotonic", lambda: clock[-1])
    gate.warm("http://127.0.0.1:8001/")
    assert len(clock) - 1 == asked


def test_a_process_that_ends_while_it_is_warmed_gets_no_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(web, "answer", lambda url: "200")

    def end(url: str) -> None:
        process.kill()
        process.wait()

    monkeypatch.setattr(gate, "warm", end)
    config = {"ports": [1], "path": "/", "leave_s": 1}
    assert gate.open_when_ready(1, process.pid, config) == 1
