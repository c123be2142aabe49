"""The commands of every day: how their words are read, and what is said about bad ones."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from components.errors import HostUnreachable, StepFailed, UserError
from scripts import processes
from scripts.lib import (
    app_command,
    app_logs,
    app_server,
    command,
    database_view,
    process_list,
    release_list,
    session,
    ssh,
)
from scripts.lib.app_server import AppServer, chosen_units
from scripts.lib.process_names import process_name, short_name
from scripts.main import main

CONFIGURATION = {
    "app": {
        "web_units": ["web@8001.service", "web@8002.service"],
        "worker_units": ["worker@worker.1.service"],
        "web_urls": [],
    },
    "services": [{"unit": "nginx.service"}, {"unit": "data.mount"}],
}
SERVER = AppServer("shop", {}, CONFIGURATION)


@pytest.mark.parametrize(
    ("words", "stack", "rest"),
    [
        ([], "local-stage1", []),
        (["shop"], "shop", []),
        (["shop", "uptime"], "shop", ["uptime"]),
        (["--", "uptime"], "local-stage1", ["uptime"]),
        (["shop", "--", "ls", "-l"], "shop", ["ls", "-l"]),
        (["--stack", "shop", "uptime"], "shop", ["uptime"]),
        (["--stack", "shop", "--", "a", "--stack", "b", "--", "c"], "shop", None),
        (["shop", "--"], "shop", []),
    ],
)
def test_what_follows_two_dashes_is_the_command(
    words: list[str], stack: str, rest: list[str] | None
) -> None:
    assert read(words) == (stack, ["a", "--stack", "b", "--", "c"] if rest is None else rest)


def read(words: Sequence[str]) -> tuple[str, list[str]]:
    """How a verb with a command reads these words."""
    app, calls = typer.Typer(), []

    @app.command(cls=command.WithCommand)
    def verb(
        context: typer.Context,
        words: command.CommandWords = None,
        stack: command.Stack = None,
    ) -> None:
        calls.append(command.stack_and_command(context, words, stack))

    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return calls[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["run", "shop"],
            "COMMAND: should follow --, got none. For example: ./stages run shop -- env",
        ),
        (
            ["run"],
            "COMMAND: should follow --, got none. For example: ./stages run local-stage1 -- env",
        ),
        (
            ["run", "shop", "web", "--", "env"],
            "STACK: should be one word before --, got 'shop web'. What follows -- is the command.",
        ),
        (
            ["logs", "shop", "web", "worker"],
            "PROCESS: should be one, got 'web worker'. None means all.",
        ),
        (
            ["maintenance", "shop"],
            "MAINTENANCE: should be on or off, got 'shop'. "
            "For example: ./stages maintenance aws-stage1 on",
        ),
        (
            ["maintenance", "--stack", "shop", "maybe"],
            "MAINTENANCE: should be on or off, got 'maybe'. "
            "For example: ./stages maintenance aws-stage1 on",
        ),
        (
            ["env", "set", "shop"],
            "NAME: should follow the stack, got none. For example: LOG_LEVEL=info",
        ),
        (
            ["env", "set", "shop", "LOG-LEVEL=info"],
            "NAME: should be of letters, digits and _, the first no digit, got 'LOG-LEVEL'",
        ),
        (
            ["env", "set", "shop", "hunter2 is my password"],
            "NAME: should be of letters, digits and _, the first no digit, got "
            "'another (not shown)'",
        ),
        (["scale", "shop"], "PROCESS: should follow the stack, got none. For example: worker=2"),
        (
            ["scale", "shop", "worker=-1"],
            "PROCESS: should be a name and a count, got 'worker=-1'. For example: worker=2",
        ),
        (
            ["scale", "shop", 'a"]["b=1'],
            "PROCESS: should be a name and a count, got 'a\"][\"b=1'. For example: worker=2",
        ),
        (
            ["logs", "shop", "--since", "soon"],
            "--since: should be an age of at most 90 days, or a time that has been, got 'soon'. "
            "For example 30m, 24h, 7d or 2026-11-22T18:00 (UTC).",
        ),
        (
            ["logs", "--lines", "0"],
            "Invalid value for '--lines' / '-n': Input should be greater than or equal to 1. "
            "See `./stages logs --help`.",
        ),
    ],
)
def test_bad_words_are_refused_before_anything_is_opened(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capsys.readouterr() == ("", message + "\n")


def test_a_process_has_the_name_of_its_procfile() -> None:
    assert [
        *map(process_name, ("web@8001.service", "worker@clock.1.service", "nginx.service"))
    ] == [
        "web",
        "clock",
        "nginx",
    ]
    assert short_name("worker@clock.1.service") == "clock.1"
    assert SERVER.processes()["web"] == ["web@8001.service", "web@8002.service"]
    assert SERVER.services() == {"nginx": ["nginx.service"]}
    assert SERVER.units_of_process("") == SERVER.app_units
    assert SERVER.units_of_process("worker") == ["worker@worker.1.service"]
    assert SERVER.units_of_process("worker.1") == ["worker@worker.1.service"]
    assert SERVER.units_of_process("web@8002") == ["web@8002.service"]


@pytest.mark.parametrize("name", ["clock", "nginx", "web@9", "x;reboot", "--all", "worker.service"])
def test_a_process_that_is_not_there_is_named_with_those_that_are(name: str) -> None:
    with pytest.raises(UserError) as refused:
        chosen_units("PROCESS", name, SERVER.processes())
    assert str(refused.value) == (
        f"PROCESS: should be one of web, worker, got {name!r}. "
        "Use its name in the Procfile; `./stages ps` lists them."
    )


HOSTILE = ["printf", "<%s>", "a b", "$HOME", "`id`", "it's", "", "a;b", "-x", "\n", "é"]


def test_words_arrive_as_they_are_past_every_shell() -> None:
    line = app_command.command_line(HOSTILE, "stages-run-1.service", "shop", terminal=False)
    guard, argv = line.split("; exec ", 1)
    assert shlex.split(argv)[-len(HOSTILE) :] == HOSTILE
    assert "--uid=app" in shlex.split(argv)  # whatever the host's own files say
    assert "--expand-environment=no" in shlex.split(argv)
    done = subprocess.run(["sh", "-c", guard], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "The server of shop was brought up before it knew commands of the app: run "
        "`make up STACK=shop`.\n"
    )
    assert ssh.command_line(["a; b"]) == "a; b"
    assert shlex.split(ssh.command_line(HOSTILE)) == HOSTILE


def test_one_word_is_a_line_for_the_shell() -> None:
    assert app_command.words_of(["a; b"]) == ["/bin/bash", "-c", "a; b"]
    assert app_command.words_of(["ls", "a; b"]) == ["ls", "a; b"]


def test_a_terminal_is_given_only_where_there_is_one() -> None:
    of = {
        terminal: shlex.split(
            app_command.command_line(["env"], "stages-run-1.service", "s", terminal=terminal)
        )
        for terminal in (True, False)
    }
    assert "--pty" in of[True] and "--pipe" not in of[True]
    assert "--pipe" in of[False] and "--pty" not in of[False]


def entry(**fields: Any) -> bytes:
    record = {
        "__REALTIME_TIMESTAMP": "1795937042152020",
        "_SYSTEMD_UNIT": "web@8001.service",
        "_PID": "77",
        "MESSAGE": "ready",
    }
    return json.dumps({**record, **fields}).encode() + b"\n"


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, "web@8001: ready"),
        (
            {"UNIT": "worker@clock.1.service", "_PID": "1", "_SYSTEMD_UNIT": "init.scope"},
            "clock.1: ready",
        ),
        ({"UNIT": "worker@clock.1.service"}, "web@8001: ready"),  # any user may claim a unit
        ({"MESSAGE": "\x1b[31mred\x1b[0m"}, r"web@8001: \u{1b}[31mred\u{1b}[0m"),
        (
            {"MESSAGE": [0x1B, 0x5D, 0x30, 0xFF]},
            r"web@8001: \u{1b}]0" + "\N{REPLACEMENT CHARACTER}",
        ),
        ({"MESSAGE": None}, "web@8001: "),
        ({"MESSAGE": "two\nlines\n"}, "web@8001: two\nlines"),
    ],
)
def test_a_line_of_a_log_is_made_visible(fields: dict[str, Any], shown: str) -> None:
    line = app_logs.parse(entry(**fields))
    assert str(line) == f"2026-11-29 07:24:02 {shown}"


def test_a_line_for_a_machine() -> None:
    line = app_logs.parse(entry())
    assert line is not None
    assert json.loads(line.json()) == {
        "at": "2026-11-29T07:24:02.152Z",
        "process": "web",
        "unit": "web@8001.service",
        "text": "ready",
    }


@pytest.mark.parametrize(
    "raw", [b"", b"nonsense", b"[]", b"1", b"{}", entry(__REALTIME_TIMESTAMP="x")]
)
def test_what_is_no_line_of_the_journal_is_left_out(raw: bytes) -> None:
    assert app_logs.parse(raw) is None


def test_the_question_to_the_journal_is_one_line_for_the_shell() -> None:
    line = app_logs.command(
        ["web@8001.service"], follow=True, lines=None, since_s=5.4, grep="'; reboot; '"
    )
    assert shlex.split(line)[-5:] == [
        "--unit=web@8001.service",
        "--follow",
        "--since=@5",
        "--lines=all",
        "--grep='; reboot; '",
    ]


@pytest.mark.parametrize(
    ("code", "stderr", "kind", "message"),
    [
        (1, "Bad pattern: (", StepFailed, "Stack shop: the journal refused: Bad pattern: ("),
        (
            255,
            "ssh: connect to host 10.0.0.1 port 22: No route to host",
            HostUnreachable,
            "Stack shop: the app server should answer over SSH, got 'ssh: connect to host 10.0.0.1 "
            "port 22: No route to host'. `make status STACK=shop` shows the rest of the stack.",
        ),
    ],
)
def test_why_there_is_no_log(code: int, stderr: str, kind: type[Exception], message: str) -> None:
    error = app_logs._failure("shop", code, stderr)
    assert isinstance(error, kind)
    assert str(error) == message


def test_processes_in_columns() -> None:
    states = {
        "web@8001.service": {"state": "active", "up_s": 7325, "restarts": 0, "memory_mib": 81},
        "web@8002.service": {"state": "failed", "up_s": None, "restarts": 12, "memory_mib": "x"},
        "worker@worker.1.service": {"state": "skipped"},
    }
    processes = process_list.rows(SERVER.app_units, states)
    assert process_list.table(processes) == [
        "PROCESS   STATE   UP            RESTARTS  MEMORY",
        "web@8001  active  122 min 05 s  0         81 MiB",
        "web@8002  failed  -             12        0 MiB",
    ]
    assert [process["process"] for process in processes] == ["web", "web"]
    with pytest.raises(StepFailed):
        process_list.rows(SERVER.app_units, "nothing")


def test_the_process_is_the_only_word_where_an_option_names_the_stack() -> None:
    assert processes._chosen(["shop", "web"], None) == ("shop", "web")
    assert processes._chosen(["web"], "shop") == ("shop", "web")
    assert processes._chosen([], None) == ("local-stage1", "")


A, B, C = "a" * 40, "ab" * 20, "c" * 40
TOLD = {
    "active": f"{A}-0123abcd",
    "complete": [f"{C}-0123abcd", f"{A}-0123abcd", f"{B}-0123abcd"],
    "served": [
        {"release": f"{B}-0123abcd", "at": 1795937042},
        {"release": f"{A}-0123abcd", "at": 1795940000},
    ],
}


def test_releases_the_current_one_first() -> None:
    known = release_list.entries(TOLD)
    assert [entry.line("why") for entry in known] == [
        "aaaaaaaaaaaa  2026-11-29 08:13:20  current  why",
        "abababababab  2026-11-29 07:24:02  here     why",
        "cccccccccccc  -                    here     why",
    ]
    for nonsense in ({}, {**TOLD, "served": [1]}, {**TOLD, "complete": None}):
        with pytest.raises(StepFailed):
            release_list.entries(nonsense)


@pytest.mark.parametrize(
    ("revision", "commit", "wanted"), [("", "", B), ("abab", "", B), (C, C, C), ("v1", C, C)]
)
def test_what_a_rollback_goes_to(revision: str, commit: str, wanted: str) -> None:
    assert release_list.chosen(release_list.entries(TOLD), revision, commit).commit == wanted


@pytest.mark.parametrize(
    ("revision", "message"),
    [
        (
            "feed",
            "REVISION: should be one of abababababab, cccccccccccc, got 'feed'. `./stages deploy "
            "STACK --revision COMMIT` brings up one that is not on the server.",
        ),
        ("aaaa", "REVISION: should be another than the current one, got 'aaaa'"),
    ],
)
def test_a_rollback_to_what_is_not_there_is_refused(revision: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        release_list.chosen(release_list.entries(TOLD), revision, "")
    assert str(refused.value) == message


def test_a_rollback_without_a_past_is_refused() -> None:
    with pytest.raises(UserError) as refused:
        release_list.chosen(release_list.entries({**TOLD, "served": []}), "", "")
    assert str(refused.value) == (
        "REVISION: should be one that served before, got none on the server. "
        "`./stages deploy STACK --revision COMMIT` brings up one that is not on the server."
    )


INFO: dict[str, Any] = {
    "database": {
        "version": "17.6",
        "size_bytes": 7_768_064,
        "max_connections": 100,
        "connections": 4,
        "active": 1,
        "idle_in_transaction": 0,
        "tables": [{"name": "public.visits", "size_bytes": 16384}],
        "waiting": [
            {"pid": 9, "blocked_by": [7, 8], "seconds": 3, "query": "UPDATE\n\x1b[31mvisits"}
        ],
        "running": [],
    },
    "pools": [
        {
            "database": "app",
            "cl_active": "2",
            "cl_waiting": "0",
            "maxwait": "0",
            "sv_active": "1",
            "sv_idle": "3",
        }
    ],
    "slow": None,
}


def test_the_database_in_words() -> None:
    assert database_view.lines("shop", INFO) == [
        "shop: PostgreSQL 17.6, 7.4 MiB",
        "  connections: 4 of 100, 1 at work, 0 idle in a transaction",
        "  pool app: clients 2, waiting 0 (longest 0 s), server connections 1 at work, 3 idle",
        "  table public.visits: 16.0 KiB",
        r"  waits for a lock: process 9 since 3 s, blocked by 7, 8: UPDATE \u{1b}[31mvisits",
        "  slow queries: the cloud's own console has those of a managed database",
    ]
    with pytest.raises(StepFailed):
        database_view.lines("shop", {**INFO, "database": "x"})


@pytest.mark.parametrize(
    ("words", "there"),
    [
        (["logs", "shop"], "logs shop2"),
        (["logs", "shop", "worker", "-f"], "logs shop2 worker"),
        (["ps", "--stack", "shop"], "ps shop2"),
        (["ps", "shop", "--json"], "ps shop2"),
        (["restart", "shop", "web"], "restart shop2 web"),
        (["run", "shop", "--", "printf", "%s", "a b"], "run shop2 -- printf %s 'a b'"),
        (["shell", "shop"], "shell shop2"),
        (["console", "shop"], "console shop2"),
        (["scale", "shop", "worker=2", "web=3"], "scale shop2 worker=2 web=3"),
        (["rollback", "shop", "--to", "1a2b3c"], "rollback shop2 --to 1a2b3c"),
    ],
)
def test_a_command_for_an_app_that_was_promoted_names_the_one_for_its_new_stack(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    there: str,
) -> None:
    promoted(monkeypatch)
    assert main(words) == 2
    assert capsys.readouterr().err == (
        f"The app of shop was promoted to shop2. Run `./stages {there}`.\n"
    )


def test_the_services_of_a_stack_that_was_promoted_have_their_logs_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    promoted(monkeypatch)
    monkeypatch.setattr(app_logs, "stream", lambda *_: ["a line"])
    assert main(["logs", "shop", "nginx"]) == 0
    assert capsys.readouterr().out == "a line\n"


def promoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stack shop was promoted to shop2: it runs no process of the app."""
    moved = SimpleNamespace(database=SimpleNamespace(promoted_to="shop2"))
    opened = SimpleNamespace(stack="shop", settings=moved)
    configuration = {**CONFIGURATION, "app": {"web_units": [], "worker_units": []}}
    monkeypatch.setattr(session, "open_session", lambda *_, **__: opened)
    monkeypatch.setattr(app_server, "read", lambda _: AppServer("shop", {}, configuration))
