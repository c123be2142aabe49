"""The program that is sent to a host, and how its failures read."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from components.errors import UserError
from components.host import app
from components.host.variables import Variables
from components.remote import session, ssh


def test_the_program_runs_from_standard_input_alone() -> None:
    document = {
        "mode": "observe",
        "paths": ["/etc/passwd", "/nowhere"],
        "packages": [],
        "services": [],
        "app": {"web_units": [], "worker_units": []},
    }
    given = json.dumps({"program": session.program(), "document": document})
    done = subprocess.run(
        [sys.executable, "-I", "-c", session.LOADER],
        input=given + "\n",
        capture_output=True,
        text=True,
        cwd="/",
        check=True,
    )
    assert done.stderr == ""
    files = json.loads(done.stdout)["result"]["files"]
    assert files["/nowhere"] is None
    assert files["/etc/passwd"]["owner"] == "root"


def test_the_program_needs_nothing_that_is_not_pythons_own() -> None:
    for name, source in session.program():
        for node in ast.walk(ast.parse(source)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for imported in names:
                known = imported.split(".")[0] in sys.stdlib_module_names
                assert known or imported.startswith("components.host.agent"), (name, imported)


def test_every_module_of_the_program_is_sent() -> None:
    folder = Path(session.__file__).parents[1] / "host" / "agent"
    there = {f"components.host.agent.{path.stem}" for path in folder.glob("*.py")}
    sent = {name for name, _ in session.program()}
    assert there - {"components.host.agent.__init__"} <= sent


def test_the_command_line_tells_nothing() -> None:
    assert session.command() == session.command()
    assert "stdin" in session.command()
    assert len(session.command()) < 600


def test_a_failed_step_is_one_line_and_then_the_output_that_shows_it() -> None:
    error = {
        "host": "app-1",
        "where": "nginx.service",
        "cause": "refuses its new files",
        "remedy": "Correct the setting.",
        "output": "line one\nline two\n",
    }
    assert str(session._failure(error, set())) == (
        "app-1: nginx.service: refuses its new files. Correct the setting.\n"
        "  | line one\n"
        "  | line two"
    )
    assert str(session._failure({**error, "output": "", "remedy": ""}, set())) == (
        "app-1: nginx.service: refuses its new files"
    )


def test_a_failure_shows_no_secret_whatever_the_host_printed() -> None:
    key, password = "k" * 43, "p-" * 20
    document = {
        "secret_files": {"/etc/app.env": {"content": f"KEY='{key}'\nCOLOUR=green\n"}},
        "database_secrets": {"sql": "", "connection": {"PGPASSWORD": password}},
    }
    error = {
        "host": "app-1",
        "where": "unit",
        "cause": f"said {password}",
        "remedy": "",
        "output": f"COLOUR=green KEY={key}",
    }
    message = str(session._failure(error, session.secret_words(document)))
    assert message == "app-1: unit: said [secret]. It said:\n  | COLOUR=green KEY=[secret]"


def test_a_key_with_any_signs_is_hidden_as_a_whole() -> None:
    """Such as Django makes them."""
    key = 'django-insecure-#v)8$k!w2(e&"x\\q%z^b*d@m=p+5c_t'
    names = ["light green and dark blue", "config.settings.production", "https://s2.example.org/x"]
    variables = {"KEY": key, **{f"NAME_{at}": name for at, name in enumerate(names)}}
    file, _ = app.environment_files(variables, Variables(host={}, conventions={}, release={}))
    secrets = session.secret_words({"secret_files": {file.path: {"content": file.content}}})
    message = session.without(secrets, f"KEY={key} {' '.join(names)}")
    assert message == f"KEY=[secret] {' '.join(names)}"


@pytest.mark.parametrize(
    "line",
    ["5", '["step"]', "[" * 100_000, '{"error": 5}', '{"error": {"host": 1}}', '{"result": 5}'],
)
def test_a_hostile_answer_ends_in_one_sentence(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def converse(*args: Any, **_: Any) -> None:
        args[3](line, io.BytesIO())

    monkeypatch.setattr(ssh, "converse", converse)
    target = ssh.Target(host="h", host_key="k", login="l")
    with pytest.raises((UserError, ssh.SshError)):
        session.perform(target, {"mode": "health"}, status=print, note=print, deadline_s=1)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "page").write_text("hello")
    (tmp_path / "other").write_text("no")
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True)
    return tmp_path


@pytest.mark.parametrize(
    ("directory", "names"), [(".", {"site/page", "other"}), ("site", {"page"})]
)
def test_an_archive_is_its_length_and_then_the_folder_at_the_commit(
    repository: Path, directory: str, names: set[str]
) -> None:
    sent = io.BytesIO()
    session.git_archive(str(repository), "HEAD", directory)(sent)
    length, _, tar = sent.getvalue().partition(b"\n")
    assert int(length) == len(tar)
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        assert {member.name for member in archive if member.isfile()} == names


def test_a_commit_that_is_not_there_is_one_sentence(repository: Path) -> None:
    with pytest.raises(UserError) as caught:
        session.git_archive(str(repository), "f" * 40, ".")(io.BytesIO())
    assert re.fullmatch(
        rf"stages:app\.revision: ffffffffffff cannot be read from {repository} "
        rf"\(fatal: .*{'f' * 40}\)\. Fetch it there, or name another revision\.",
        str(caught.value),
    )


def test_a_git_that_hangs_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\nexec sleep 60\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(session, "GIT_TIMEOUT_S", 0.1)
    with pytest.raises(UserError) as error:
        session.git_archive("/repo", "0" * 40, ".")(io.BytesIO())
    assert str(error.value) == (
        "stages:app.revision: `git archive` of 000000000000 in /repo has no end after 0.1 s."
        " Is the repository on a disk that answers?"
    )


def broken(source: str) -> tuple[int, str]:
    """Run the program with a document that makes it stumble; return its code and last line."""
    given = json.dumps({"program": session.program(), "document": json.loads(source)})
    done = subprocess.run(
        [sys.executable, "-I", "-c", session.LOADER],
        input=given + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()[-1]


def test_an_internal_error_keeps_host_and_trace() -> None:
    code, last = broken('{"mode": "observe"}')
    error = json.loads(last)["error"]
    assert code == 1
    assert error["cause"] == "internal error (KeyError: 'app')"
    assert error["host"] and error["remedy"].startswith("It is safe to run it again")
    assert "Traceback" in error["output"]


def test_a_failure_shows_nothing_that_a_terminal_obeys() -> None:
    hostile = "\x1b]0;x\x07\n::error::y\u202e"
    keys = ("host", "where", "cause", "remedy", "output")
    message = str(session._failure(dict.fromkeys(keys, hostile), set()))
    assert all(line.isprintable() for line in message.splitlines())
    assert not any(line.lstrip().startswith("::") for line in message.splitlines())
    assert len(message.splitlines()) == 3  # host, where, cause and remedy are one line


@pytest.mark.parametrize("kind", ["step", "note"])
def test_a_step_and_a_note_have_no_line_of_their_own(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = "compare public.a\x1b[2J\nPROMOTION: done"
    lines = [json.dumps({kind: hostile}), json.dumps({"result": {}})]

    def converse(*args: Any, **_: Any) -> None:
        for line in lines:
            args[3](line, io.BytesIO())

    said: list[str] = []
    monkeypatch.setattr(ssh, "converse", converse)
    target = ssh.Target(host="h", host_key="k", login="l")
    session.perform(target, {"mode": "x"}, status=said.append, note=said.append, deadline_s=1)
    assert said == ["compare public.a\\u{1b}[2J PROMOTION: done"]
