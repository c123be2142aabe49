"""Every command, with a host, a cloud and a repository that write escape sequences."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest

from scripts import stack
from tests.real.engine_checkout import STACK, TestCheckout, make_checkout

pytestmark = pytest.mark.real

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\u202egnp\u2066\n::error::forged\n[red]@here"
FAKE_SSH = """\
#!/usr/bin/env python3
import json, sys
said = {hostile!r}
sys.stderr.write(said + "\\n")
if "python3" not in sys.argv[-1]:
    sys.stdout.write(said + "\\n")
    sys.exit(7)
document = json.loads(sys.stdin.readline())["document"]
print(said)
unit = {{"state": said, "sub": said, "result": said, "exit": said, "restarts": 0}}
disk = {{"where": said, "size_mib": 1, "left_mib": 0, "used_percent": 99, "inodes_percent": 0}}
health = {{"system": said, "failed_units": [said], "units": {{said: unit}}, "disks": [disk],
          "boot": said, "more": said}}
print(json.dumps({{"step": said}}))
print(json.dumps({{"note": said}}))
print(json.dumps({{"output": said}}))
print(json.dumps({{"result": health}}))
"""
OPERATIONS = '''
"""A cloud whose words are hostile."""
from components.seam.operations import Operations
SAID = {hostile!r}
OPERATIONS = Operations(
    asks=False,
    hosts=lambda stack: {{SAID: SAID}},
    stopped=lambda settings: [SAID],
    databases=lambda stack: [dict(name=SAID, role=SAID, well=False, lag_bytes=None)],
    leftovers=lambda stack: [SAID],
    delete_data=lambda stack, with_backups: [SAID],
    prepare=lambda settings, say: say(SAID),
)
'''
POWER = """
from components.seam.power import Route
def server_state(server_id): return "running"
def route(server_id, ssh_host): return Route(host=ssh_host)
"""
COMMANDS = sorted(
    str(command.name or command.callback.__name__).replace("_", "-")  # type: ignore[union-attr]
    for command in stack.app.registered_commands
)
ARGUMENTS = {
    "deploy": ["--revision", "HEAD"],
    "delete-data": ["--confirm", STACK],
}
THEIR_OWN = {"ssh", "plan", "failover"}
"""``ssh``: the user's own session, as it comes. The other two ask no host: they take the stack as
an argument."""
ORDER = [
    *("preview", "up", "refresh", "status", "outputs", "deploy", "replace", "signals"),
    *("down", "delete-data"),
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> TestCheckout:
    base = tmp_path_factory.mktemp("hostile")
    made = make_checkout(base)
    (base / "bin").mkdir()
    ssh = base / "bin" / "ssh"
    ssh.write_text(FAKE_SSH.format(hostile=HOSTILE))
    ssh.chmod(0o755)
    hooks = made.root / "components/clouds/local/account/operations.py"
    hooks.write_text(OPERATIONS.format(hostile=HOSTILE))
    power = made.root / "components/clouds/local/account/power.py"
    power.write_text(POWER)
    made.ask(
        {"kept-data": "rows", "server": "on"},
        server_id=str(made.folder / "server"),
        says=HOSTILE,
        outputs={
            "cloud": "local",
            "revision": HOSTILE,
            "address": "127.0.0.1",
            "ssh_host": "127.0.0.1",
            "ssh_host_key": "ssh-ed25519 AAAA",
            "ssh_user": "ops",
        },
    )
    return made


def is_tame(text: str) -> bool:
    hidden = {unicodedata.category(each) for each in text if each not in "\n\t"}
    commands = [line for line in text.splitlines() if line.lstrip().startswith("::")]
    return not hidden & {"Cc", "Cf", "Co", "Cs"} and commands == []


def test_no_command_lets_a_terminal_or_a_workflow_obey(
    checkout: TestCheckout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{checkout.root.parent / 'bin'}:{os.environ['PATH']}")
    assert {*ORDER} - {"signals"} == {*COMMANDS} - THEIR_OWN, "a command is new: walk it as well"
    outputs = {}
    for command in ORDER:
        if command == "signals":
            done = checkout.module("scripts", "signals", STACK)
        else:
            done = checkout.stack(command, *ARGUMENTS.get(command, []))
        assert is_tame(done.said), (command, done.said)
        assert "Internal error" not in done.said, (command, done.said)
        outputs[command] = done.said
        if command in {"preview", "status"}:
            machine = checkout.stack(command, "--json")
            assert is_tame(machine.out), (command, machine.out)
            json.loads(machine.out)
    for command in ("preview", "up", "status", "outputs", "down", "delete-data"):
        assert "owned" in outputs[command], (command, outputs[command])


def test_a_failure_with_hostile_words_is_told_in_plain_pulumi_as_well(
    checkout: TestCheckout,
) -> None:
    checkout.ask({"bad": f"fail:{HOSTILE}"})
    done = checkout.stack("up")
    assert (done.code, is_tame(done.said), "owned" in done.err) == (1, True, True), done.said
    plain = checkout.shell(f"pulumi stack ls; pulumi up --yes --skip-preview --stack {STACK}")
    assert "\x1b]0;owned" not in plain.said and "\u202e" not in plain.said
    assert list(Path(checkout.folder).glob("bad")) == []
