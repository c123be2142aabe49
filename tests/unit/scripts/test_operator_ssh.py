"""The operator's ssh to an app server."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from components import outputs
from components.remote import power
from components.remote.ssh import ALIAS, interactive_argv
from components.seam.power import Route
from scripts.lib import ssh

ROOT = Path(__file__).resolve().parents[3]
VALUES = {
    outputs.CLOUD: "local",
    outputs.SERVER_ID: "local-stage1/server",
    outputs.SSH_HOST: "10.81.0.16",
    outputs.SSH_USER: "ops",
    outputs.SSH_HOST_KEY: "ssh-ed25519 AAAA",
}


def test_only_the_pinned_key_is_believed() -> None:
    argv = interactive_argv(ssh.target(VALUES), Path("/keys"))
    assert argv[-1] == "ops@10.81.0.16"
    for option in (
        "StrictHostKeyChecking=yes",
        "UserKnownHostsFile=/keys/known_hosts",
        "GlobalKnownHostsFile=/dev/null",
        f"HostKeyAlias={ALIAS}",
    ):
        assert option in argv
    assert "-i" not in argv


def test_the_way_is_the_clouds_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, str]] = []

    def route(*words: str) -> Route:
        asked.append((words[0], words[1], words[2]))
        return Route(host="i-1", proxy_command="tunnel i-1")

    monkeypatch.setattr(power, "route", route)
    argv = interactive_argv(ssh.target(VALUES), Path("/keys"))
    assert asked == [("local", "local-stage1/server", "10.81.0.16")]
    assert argv[-1] == "ops@i-1"
    assert argv[argv.index("ProxyCommand=tunnel i-1") - 1] == "-o"


def test_a_stacks_own_key_is_the_only_one_offered() -> None:
    argv = interactive_argv(ssh.target({**VALUES, outputs.SSH_PRIVATE_KEY: "KEY"}), Path("/keys"))
    assert argv[argv.index("-i") + 1] == "/keys/key"
    assert "IdentitiesOnly=yes" in argv


def test_the_key_files_are_there_while_ssh_runs_and_then_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "ssh"
    fake.write_text(
        "#!/bin/sh\n"
        "for word; do case $word in UserKnown*) f=${word#*=} ;; */key) k=$word ;; esac; done\n"
        'stat -c %a "$k"; cat "$k" "$f"; echo "$f"; exit 7\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = ssh.run({**VALUES, outputs.SSH_PRIVATE_KEY: "KEY\n\n"}, ["true"], capture=True)
    mode, key, known, path = done.stdout.splitlines()
    assert (done.returncode, mode, key) == (7, "600", "KEY")
    assert known == f"{ALIAS} ssh-ed25519 AAAA"
    assert not Path(path).exists()


def test_a_command_in_a_script_leaves_the_script_alone(tmp_path: Path) -> None:
    """A shell reads its script from standard input; so would `ssh` with a command."""
    fake = tmp_path / "ssh"
    fake.write_text("#!/bin/sh\ncat\n")
    fake.chmod(0o755)
    call = f"from scripts.lib import ssh; ssh.run({VALUES!r}, ['true'])"
    script = f"{shlex.join([sys.executable, '-c', call])}\necho the next line\n"
    done = subprocess.run(
        ["sh"],
        input=script,
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("the next line\n", "")
