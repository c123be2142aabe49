"""What `./stages backup` refuses before it asks any server, word for word."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.host.files.backups import main as program
from components.host.files.backups import record, tables
from scripts import backup
from scripts.main import main

MANY = "restore: should be given one of --to-time, --latest and --backup. `./stages backup list`"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["restore"], MANY),
        (["restore", "--latest", "--backup", "20261129-090843F"], MANY),
        (
            ["restore", "--latest", "--table", "users;drop"],
            "--table: should be the name of a table, got 'users;drop'. For example --table"
            " public.users.",
        ),
        (
            ["restore", "--latest", "--table", "users", "--switch"],
            "restore: should be given --table or --switch, got both. With --switch the whole copy"
            " is used, with each of its tables.",
        ),
        (
            ["download", "--to-time", "0001-01-01T00:00:00+23:59"],
            "--to-time: should be a time, in UTC, got '0001-01-01T00:00:00+23:59'. For example"
            " 2026-11-29T12:00:06.",
        ),
        (
            ["download", "--backup", "../x"],
            "--backup: should be the id of a backup, got '../x'. `./stages backup list` shows which"
            " backups there are.",
        ),
    ],
)
def test_words_that_say_too_little_or_too_much(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", *words]) == 2
    assert capsys.readouterr().err.startswith(message)


def test_what_a_database_calls_its_tables_does_nothing_to_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = SimpleNamespace(
        stack="x",
        say=lambda _: None,
        run=lambda *_: {"restore_s": 1, "tables": {"public.\x1b]0;owned\x07": 1}, "tables_now": {}},
    )
    monkeypatch.setattr(backup, "_open", lambda *_, **__: server)
    assert main(["backup", "restore", "x", "--latest"]) == 0
    shown = capsys.readouterr().out
    assert "public.\\u{1b}]0;owned" in shown
    assert "\x1b" not in shown


def test_a_table_has_a_schema_and_is_no_sql() -> None:
    assert tables.names("users,shop.orders") == [("public", "users"), ("shop", "orders")]
    for wrong in ("", "users,", 'a"b', "a.b.c", "a;b", "a b"):
        with pytest.raises(record.Failed, match="--table: should be the name of a table"):
            tables.names(wrong)


def test_a_backup_of_another_major_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "backups.json"
    config.write_text(json.dumps({"binaries": "/usr/lib/postgresql/17/bin"}))
    monkeypatch.setattr(record, "CONFIG", config)
    program._readable({"id": "a", "postgresql": "17"})
    with pytest.raises(record.Failed) as refused:
        program._readable({"id": "a", "postgresql": "16"})
    assert str(refused.value).startswith(
        "a: should be a backup of PostgreSQL 17, which this server runs, got one of 16"
    )
