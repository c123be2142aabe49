"""The commands of every day, on one stack of stage 1 that all of them share."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from components.clouds.local.account.operations import leftovers
from tests.real.clone import Stack, clone
from tests.real.waiting import until

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of stage 1, up."""
    checkout = clone(tmp_path_factory.mktemp("commands") / "clone")
    stack = checkout.stack(f"t{os.getpid()}-shop", stage=1, network__cidr="10.91.7.0/24")
    try:
        stack.up()
        yield stack
    finally:
        stack.run("down")
        stack.run("delete-data", "--confirm", stack.name)
        assert leftovers(stack.name) == []


def argv(shop: Stack, verb: str, *words: str) -> list[str]:
    return [sys.executable, "-m", "scripts", verb, "--stack", shop.name, *words]


def started(shop: Stack, verb: str, *words: str) -> subprocess.Popen[str]:
    """A command that goes on."""
    return subprocess.Popen(
        argv(shop, verb, *words),
        cwd=shop.clone.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def on_a_terminal(shop: Stack, verb: str, typed: list[tuple[str, str]]) -> str:
    """What an operator sees who types each line once its prompt is there."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(shop.clone.path)
        os.execv(sys.executable, argv(shop, verb))  # noqa: S606
    seen = ""
    for prompt, line in typed:
        while prompt not in seen:
            seen += os.read(terminal, 4096).decode(errors="replace")
        os.write(terminal, f"{line}\n".encode())
        seen += "\n"
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        seen += data.decode(errors="replace")
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return f"{seen}\nexit code {code}"


def test_a_command_of_the_app(shop: Stack) -> None:
    """As the app's user, in its release, with its environment; words, exit code and stdin kept."""
    script = "id -un; pwd; echo $STAGES_REVISION; echo $STAGES_STACK; touch here || exit 7"
    said = shop.run("run", "--", script, code=7).splitlines()
    revision = shop.outputs()["revision"]
    assert said[:4] == ["app", "/srv/app/current", revision, shop.name]
    assert "Read-only file system" in said[4]
    words = ["a b", "$HOME", "`id`", "it's", "", "a;b"]
    assert shop.run("run", "--", "printf", "<%s>", *words) == "".join(f"<{w}>" for w in words)
    assert shop.run("ssh", "--", "printf", "<%s>", *words) == "".join(f"<{w}>" for w in words)
    given = subprocess.run(
        argv(shop, "run", "--stdin", "--", "cat"),
        cwd=shop.clone.path,
        input="what is typed",
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert given.stdout == "what is typed"
    assert shop.run("run", "--", "env").count("\nSECRET_KEY=") == 1  # as the remedy says


def test_a_command_is_as_confined_as_the_app(shop: Stack) -> None:
    refused = shop.run("run", "--", "sudo -n id; cat /etc/app/app.env /etc/shadow", code=1)
    assert "uid=0" not in refused and refused.count("Permission denied") == 2
    assert "NoNewPrivs:\t1" in shop.run("run", "--", "grep NoNewPrivs /proc/self/status")


def test_an_interrupt_ends_the_command_on_the_server(shop: Stack) -> None:
    running = started(shop, "run", "--", "echo begun; exec sleep 1234")
    assert running.stdout is not None
    assert running.stdout.readline() == "begun\n"
    running.send_signal(signal.SIGINT)
    assert running.communicate()[0] == "Stopped, on its server as well.\n"
    assert running.returncode == 130
    shop.run("ssh", "--", "pgrep -xf 'sleep 1234'", code=1)


def test_shell_and_console_are_interactive(shop: Stack) -> None:
    said = on_a_terminal(shop, "shell", [("$ ", "test -t 0 && id -un; exit 3")])
    assert "\napp\r" in said and said.endswith("exit code 3")
    lines = [
        (">>> ", "from django.conf import settings; print('is', settings.DEBUG)"),
        ("is False", "exit()"),
    ]
    said = on_a_terminal(shop, "console", lines)
    assert said.endswith("exit code 0")


def test_processes_and_their_restart(shop: Stack) -> None:
    found = {one["unit"]: one for one in json.loads(shop.run("ps", "--json"))}
    assert [*found] == ["web@8001.service", "web@8002.service", "worker.service"]
    assert all(one["state"] == "active" and one["memory_mib"] > 10 for one in found.values())
    assert shop.run("ps").splitlines()[0].split() == [
        "PROCESS",
        "STATE",
        "UP",
        "RESTARTS",
        "MEMORY",
    ]
    ids = pids(shop)
    said = shop.run("restart", "--", "web")
    assert said.startswith(f"{shop.name}: restarting web@8001, web@8002, one after the other.\n")
    now = pids(shop)
    assert now["worker.service"] == ids["worker.service"]
    assert {now[f"web@{port}.service"] for port in (8001, 8002)}.isdisjoint(ids.values())
    refused = shop.run("restart", "clock", code=2)
    assert refused.startswith("PROCESS: should be one of web, worker, got 'clock'. ")


def pids(shop: Stack) -> dict[str, str]:
    units = ["web@8001.service", "web@8002.service", "worker.service"]
    line = "for unit do echo $unit $(systemctl show -P MainPID $unit); done"
    said = shop.run("ssh", "--", "sh", "-c", line, "sh", *units)
    return dict(line.split() for line in said.splitlines())


def test_logs_in_one_stream(shop: Stack) -> None:
    following = started(shop, "logs", "--follow", "--json", "--grep", "Task .* succeeded")
    assert following.stdout is not None
    shop.get()  # its page gives the worker a job
    told = json.loads(following.stdout.readline())
    following.send_signal(signal.SIGINT)
    following.communicate()
    assert (told["process"], told["unit"]) == ("worker", "worker.service")
    assert following.returncode == 0
    every = [json.loads(line)["process"] for line in shop.run("logs", "--json").splitlines()]
    assert {*every} == {"web", "worker"}
    forged = "\x1b]0;owned\x07"
    shop.run("run", "--", f"logger -t web-8001 forged; printf '{forged}' | logger -t nginx")
    assert "forged" not in shop.run("logs", "web", "--since", "1h")
    until("the request in Nginx's log", lambda: "GET /proof.json" in shop.run("logs", "nginx"))
    assert "owned" not in shop.run("logs", "nginx")
    assert "Bad pattern" in shop.run("logs", "--grep", "(", code=1)
