"""The first step of every command: what it installs, when it is quiet, how it says no."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from components.errors import UserError
from scripts import bootstrap

ROOT = Path(__file__).resolve().parents[3]
STACK = "config:\n  stages:cloud: local\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose cloud wants a program that no machine has, and a PATH of its own."""
    cloud = tmp_path / "components" / "clouds" / "local"
    cloud.mkdir(parents=True)
    (cloud / "machine-packages.txt").write_text(
        "sh bash runs things\nno-such-program no-such-package does wonders\n"
    )
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.s.yaml").write_text(STACK)
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "LOGS", tmp_path / "logs")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path


def fake_apt(checkout: Path, script: str) -> None:
    file = checkout / "bin" / "apt-get"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_without_root_the_command_to_run_is_told(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_apt(checkout, "exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UserError) as stopped:
        bootstrap._machine("s")
    assert str(stopped.value) == (
        "This machine lacks no-such-package (does wonders). Install them: "
        "sudo apt-get install --yes --no-install-recommends no-such-package"
    )
    assert stopped.value.exit_code == 2


@pytest.mark.parametrize("arguments", [["--no-engine"], ["--dev", "--no-engine"], []])
def test_only_the_owner_may_enter_the_folder_of_state_from_the_first_command_on(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """The first thing in there is a log, in a fresh clone: nothing else makes the folder before."""
    logs = checkout / ".stages" / "logs"
    monkeypatch.setattr(
        bootstrap, "_environment", lambda dev: logs.mkdir(parents=True, exist_ok=True)
    )
    monkeypatch.setattr(bootstrap, "_engine", lambda: None)
    assert bootstrap.main(arguments) == 0
    assert logs.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_that_a_package_brings_is_looked_for_by_its_path(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ubuntu has mmdebstrap without the keys of Debian's archives."""
    keys = checkout / "keys.gpg"
    packages = checkout / "components" / "clouds" / "local" / "machine-packages.txt"
    packages.write_text(f"{keys} debian-archive-keyring knows Debian\n")
    fake_apt(checkout, f'echo "$@" >> {checkout}/asked; : > {keys}')
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    bootstrap._machine("s")
    bootstrap._machine("s")
    assert (checkout / "asked").read_text().splitlines() == [
        "update",
        "install --yes --no-install-recommends debian-archive-keyring",
    ]


def test_where_no_package_helps_the_cloud_itself_says_why(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make up` without a stack is a local one, on a Mac too: preflight names Linux and clouds."""
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    bootstrap._machine("s")


def test_as_root_what_is_missing_is_installed_in_one_line(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_apt(checkout, f'echo "$@" >> {checkout}/asked')
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    bootstrap._machine("s")
    assert (checkout / "asked").read_text().splitlines() == [
        "update",
        "install --yes --no-install-recommends no-such-package",
    ]
    assert capsys.readouterr().out.splitlines() == [
        "Installing what this machine lacks: no-such-package (does wonders) ...",
        "Installed in 0 s.",
    ]


def test_a_failed_installation_is_told_with_its_log(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_apt(checkout, "echo 'E: Unable to locate package'; exit 100")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(UserError) as stopped:
        bootstrap._machine("s")
    assert str(stopped.value) == (
        "This machine lacks no-such-package (does wonders), and installing failed "
        f"(E: Unable to locate package). The output is in {checkout / 'logs' / 'apt.log'}."
    )
    assert stopped.value.exit_code == 1


def test_a_stack_of_another_cloud_or_of_none_asks_nothing_of_the_machine(checkout: Path) -> None:
    fake_apt(checkout, f"touch {checkout}/asked")
    (checkout / "stacks" / "Pulumi.aws.yaml").write_text("config:\n  stages:cloud: aws\n")
    bootstrap._machine("aws")
    bootstrap._machine("no-such-stack")
    bootstrap._machine("")
    assert not (checkout / "asked").exists()


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", script, *arguments]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


RUN = "import runpy, sys; runpy.run_path('scripts/bootstrap.py', run_name='__main__')"


def test_an_old_python_is_told_in_one_sentence() -> None:
    done = run(f"import sys; sys.version_info = (3, 9, 2); {RUN}")
    assert done.returncode == 1
    assert done.stderr.startswith("Python: should be 3.11 or newer, got ")
    assert done.stderr.endswith("or name it: PYTHON=python3.13 ./stages ...\n")


def test_with_everything_there_it_is_quiet_and_asks_no_network() -> None:
    first = run(RUN)
    assert first.returncode == 0, first.stderr
    nowhere = "import socket; socket.socket.connect = lambda *_: exit('the network'); "
    again = run(nowhere + RUN)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


@pytest.mark.parametrize("arguments", [["--stack"], ["--stack", "--dev"], []])
def test_without_a_stack_the_command_itself_tells(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """``make up STACK=`` hands over the option without its value."""
    monkeypatch.setattr(bootstrap, "_environment", lambda *, dev: None)
    monkeypatch.setattr(bootstrap, "_engine", lambda: None)
    assert bootstrap.main(arguments) == 0


def test_a_settings_file_that_is_no_text_is_told_by_the_command_itself(checkout: Path) -> None:
    (checkout / "stacks" / "Pulumi.s.yaml").write_bytes(b"config: \xff\n")
    bootstrap._machine("s")


def test_a_checkout_that_cannot_be_written_to(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file system that is mounted read-only, and one that is full."""
    for number, remedy in (
        (errno.EROFS, "Use a checkout on a file system that can be written to."),
        (errno.ENOSPC, "Free some space and run it again."),
    ):
        message = os.strerror(number)

        def refuse(*, dev: bool, number: int = number, message: str = message) -> None:
            raise OSError(number, message, "/checkout/.venv")

        monkeypatch.setattr(bootstrap, "_environment", refuse)
        assert bootstrap.main([]) == 2
        assert capsys.readouterr().err == f"/checkout/.venv: {message}. {remedy}\n"


def test_an_index_of_packages_that_cannot_be_reached(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real pip and an index that refuses the connection."""
    (checkout / "requirements.txt").write_text(f"none==1 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_RETRIES", "0")
    assert bootstrap.main(["--no-engine"]) == 1
    stderr = capsys.readouterr().err
    assert stderr.startswith(
        "Python packages: pip failed (ERROR: No matching distribution found for"
    )
    assert stderr.endswith(f"). Its output is in {checkout / 'logs' / 'pip.log'}.\n")
