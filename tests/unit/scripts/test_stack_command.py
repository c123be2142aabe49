"""What the command line and the shell hand over: one line for the user, never a traceback."""

from __future__ import annotations

import errno
import os
import shutil
import urllib.error
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.clouds.aws.account import api as aws_api
from scripts.lib import checkout, command, execute, session
from scripts.main import VERBS, main

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = "config:\n  stages:cloud: local\n  stages:stage: 1\n  stages:app.repository: .\n"
COMMANDS = sorted(name for name, verb in VERBS.items() if verb.module == "stack")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one stack, which was never up; no engine can be found from it."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.s.yaml").write_text(SETTINGS)
    for name in ("Pulumi.yaml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".stages").mkdir()
    (tmp_path / ".stages" / "cli").write_text("/nowhere\n")
    monkeypatch.setattr(session, "ROOT", tmp_path)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setenv("STAGES_LOCAL_ROOT", str(tmp_path / "local"))
    for name in (checkout.BACKEND, session.KEEP_HERE):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def error_text(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    assert main([*arguments]) == code
    return capsys.readouterr().err


def test_a_folder_in_the_place_of_the_settings(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = root / "stacks" / "Pulumi.s.yaml"
    file.unlink()
    file.mkdir()
    assert error_text(capsys, "status", "--stack", "s") == (
        f"{file}: Is a directory. A file belongs there: move the folder away.\n"
    )


@pytest.mark.parametrize("place", [".stages", ".stages/providers", ".stages/state"])
def test_a_file_in_the_place_of_a_folder(
    root: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    if place == ".stages":
        shutil.rmtree(root / ".stages")
    (root / place).write_text("")
    message = error_text(capsys, "status", "--stack", "s")
    assert message in (
        f"{root / place}: File exists. A folder belongs there: move the file away.\n",
        f"{root / place}/cli: Not a directory. A folder belongs there: move the file away.\n",
    )


def test_a_passphrase_that_is_a_folder(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / ".stages" / "passphrase").mkdir()
    assert error_text(capsys, "outputs", "--stack", "s", code=1).endswith(
        "Stack s is not up. Run `make up STACK=s` first.\n"
    )


def test_a_checkout_that_was_never_prepared(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / ".stages" / "cli").unlink()
    assert error_text(capsys, "status", "--stack", "s") == (
        "The Pulumi CLI: should have been found by the bootstrap, got no note of it. "
        "Run scripts/bootstrap.py.\n"
    )


def test_a_pulumi_that_was_removed(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(checkout.BACKEND, "s3://bucket")
    assert error_text(capsys, "outputs", "--stack", "s") == (
        "The Pulumi CLI: should be at /nowhere/pulumi, got nothing there. "
        "Run scripts/bootstrap.py.\n"
    )


def test_a_state_that_was_cut_off(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = root / ".stages/state/.pulumi/stacks/stages/s.json"
    state.parent.mkdir(parents=True)
    state.write_text('{"version": 3, "checkp')
    (root / ".stages" / "passphrase").write_text("x")
    message = error_text(capsys, "status", "--stack", "s")
    assert message.startswith(
        f"{state}: should be a state that Pulumi wrote, got one that was cut off, or something "
    )


@pytest.mark.parametrize("url", ["bucket", "s4://user:secret@bucket", "S3://b", "://"])
def test_a_backend_that_the_engine_does_not_know(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv(checkout.BACKEND, url)
    message = error_text(capsys, "preview", "--stack", "s")
    assert message == (
        "PULUMI_BACKEND_URL: should be a URL that begins with one of file, s3, gs, azblob, https, "
        f"http, postgres and ://, got {url.partition('://')[0]!r}. For example s3://<bucket>; "
        "unset it to keep the state in this checkout.\n"
    )
    assert "secret" not in message


def test_an_empty_backend_is_none(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checkout.Checkout(root).keeps_its_state({checkout.BACKEND: ""})


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "No space left on device. Free some space and run it again."),
        (errno.EDQUOT, "Disk quota exceeded. Free some space and run it again."),
        (
            errno.EROFS,
            "Read-only file system. Use a checkout on a file system that can be written to.",
        ),
        (
            errno.EACCES,
            "Permission denied. Use the user whose checkout it is, or give it back to this one "
            "with chown.",
        ),
        (errno.EIO, "Input/output error. The disk does not answer: look at `dmesg`."),
    ],
)
def test_what_a_disk_refuses(number: int, message: str) -> None:
    assert execute.describe_os_error(OSError(number, os.strerror(number), "/x")) == f"/x: {message}"
    assert execute.describe_os_error(OSError(number, os.strerror(number))) == message
    assert execute.describe_os_error(ConnectionResetError(errno.ECONNRESET, "reset")) == ""


@pytest.mark.parametrize("kept", [True, False])
def test_an_internal_error_says_what_to_report(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    def slip(*_: object, **__: object) -> None:
        if not kept:
            shutil.rmtree(root / ".stages")
            (root / ".stages").touch()
        raise LookupError("a slip")

    monkeypatch.setattr(session, "open_session", slip)
    message = error_text(capsys, "status", "--stack", "s", code=1)
    begins = "Internal error: LookupError('a slip'). Please report it with the command that you ran"
    if kept:
        assert message == f"{begins} and the traceback in .stages/error.log.\n"
        assert "a slip" in (root / ".stages" / "error.log").read_text()
    else:
        assert message.startswith(f"{begins} and this:\nTraceback ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["up"], "STACK: should be one of s, got 'local-stage1'. A new stack is a new file "),
        (
            ["up", "--stack"],
            "Option '--stack' requires an argument. See `./stages --help`.\n",
        ),
        (["upp"], "No such command 'upp'. Did you mean 'up'? See `./stages --help`.\n"),
        (
            ["up", "s", "s"],
            "Got unexpected extra argument(s) (s). See `./stages up --help`.\n",
        ),
        (
            ["up", "s", "--stack", "t"],
            "STACK: should be named once, got 's' and --stack 't'\n",
        ),
        (["plan", "t"], "STACK: should be one of "),
        (["ssh", "t", "--", "uptime"], "STACK: should be one of s, got 't'. "),
        (["up", "--stack", ""], "STACK: should be one of s, got ''. A name has at"),
        (["up", "--stack", "../s"], "STACK: should be one of s, got '../s'. A name has at"),
        (["up", "--stack", "\udcff"], "STACK: should be one of s, got '\\udcff'. A name has at"),
        (
            ["deploy", "--stack", "s", "--revision", "-x"],
            "--revision: should be a branch, tag or commit, got '-x'. Give one name, as git shows",
        ),
        (
            ["delete-data", "--stack", "s", "--confirm", "S"],
            "CONFIRM: should be the stack's name 's', got 'S'. ",
        ),
    ],
)
def test_a_command_line_that_is_none(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    assert error_text(capsys, *arguments).startswith(message)


WORDS = (
    st.sampled_from([*COMMANDS, "--stack", "--yes", "--json", "--revision", "--confirm", "--graph"])
    | st.text(max_size=30)
    | st.characters(categories=["Cs", "Cc"])
    | st.integers(300, 5000).map(lambda length: "x" * length)
)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(words=st.lists(WORDS, max_size=6))
def test_no_command_line_gives_a_traceback(
    root: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """None of them names a stack that is there: those go on to the engine."""
    arguments = [word for word in words if word != "s"]
    code = main(arguments)
    message = capsys.readouterr()
    assert code in ({0} if {"--help"} & {*arguments} else {0, 2}), message.err
    assert "Internal error" not in message.err and "Traceback" not in message.err
    assert not (root / ".stages" / "error.log").exists()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            aws_api.Failed("Throttling", "Rate exceeded"),
            "The cloud's API refused or did not answer: Rate exceeded. Try again later.\n",
        ),
        (
            urllib.error.HTTPError("https://x/v2", 502, "Bad \x1bGateway", Message(), None),
            "No answer over the network: HTTP Error 502: Bad \\u{1b}Gateway. Is this machine "
            "connected?\n",
        ),
        (
            ConnectionResetError(errno.ECONNRESET, "reset"),
            f"No answer over the network: [Errno {errno.ECONNRESET}] reset. Is this machine "
            "connected?\n",
        ),
    ],
)
def test_an_api_that_refuses_is_no_internal_error(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    message: str,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(session, "open_session", refuse)
    assert error_text(capsys, "status", "--stack", "s", code=1) == message
    assert not (root / ".stages" / "error.log").exists()
