"""What `./stages backup` refuses before it asks any server, word for word."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from components.errors import UserError
from components.host.files.backups import cluster, record, tables
from components.seam.provider import load
from scripts import backup
from scripts.lib import backup_state, backups
from scripts.lib.session import Session
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
        refuse_times=lambda _: None,
        make_ready=lambda **_: None,
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
    cluster._readable({"id": "a", "postgresql": "17"})
    with pytest.raises(record.Failed) as refused:
        cluster._readable({"id": "a", "postgresql": "16"})
    assert str(refused.value).startswith(
        "a: should be a backup of PostgreSQL 17, which this server runs, got one of 16"
    )


@pytest.mark.parametrize(
    ("cloud", "means"),
    [
        ("aws", "RDS does it: `aws rds restore-db-instance-to-point-in-time` makes a new instance"),
        ("digitalocean", "DigitalOcean does it: `doctl databases fork` makes a new cluster"),
        ("local", "`./stages backup list shop` shows the dumps that there are."),
    ],
)
def test_a_time_of_day_is_refused_in_stage_2_with_what_does_it(cloud: str, means: str) -> None:
    def server(stage: int) -> backups.Server:
        session = SimpleNamespace(
            settings=SimpleNamespace(stage=stage), operations=load(cloud).operations
        )
        return backups.Server("shop", {}, cast(Session, session))

    time = ("at", "2026-11-29T12:00:06")
    server(1).refuse_times(time)
    server(2).refuse_times(("latest",))
    with pytest.raises(UserError) as refused:
        server(2).refuse_times(time)
    stage_1 = "--to-time: should be given for a stack of stage 1, whose every change is archived"
    assert str(refused.value).startswith(f"{stage_1}. {means}")
    with pytest.raises(UserError, match="--delete-kept: should be given for a stack of stage 2"):
        server(1).delete_kept()


@pytest.mark.parametrize(
    ("stage", "user", "writes"),
    [(1, "postgres", "/var/lib/stages-backups -/data/copies"), (2, "backups", "")],
)
def test_a_command_by_hand_is_as_confined_as_the_timers_own(
    stage: int, user: str, writes: str
) -> None:
    line = backups.command_line("shop", ("verify",), stage)
    assert f"--property=User={user}" in line and "--property=NoNewPrivileges=yes" in line
    assert writes in line and ("/data/copies" in line) is (stage == 1)


def test_a_file_that_is_there_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "shop.dump"
    file.write_text("mine")
    with pytest.raises(UserError) as refused:
        backups.Server("shop", {}, cast(Session, None)).download(file, "latest")
    assert str(refused.value) == f"{file}: exists already. Name another one with --to."
    assert [path.name for path in tmp_path.iterdir()] == ["shop.dump"]
    assert file.read_text() == "mine"


def test_one_that_nobody_waits_for_is_as_confined() -> None:
    waited, left = (
        backups.command_line("shop", ("now",), 2, waits=waits) for waits in (True, False)
    )
    assert left == waited.replace("--wait --pipe", "--property=SyslogIdentifier=stages-backups")


@pytest.mark.parametrize("good", [None, {"at": 160.0}, {"at": 180.0}])
def test_a_backup_of_before_a_promotion_has_nothing_of_what_it_brought(
    good: dict[str, float] | None,
) -> None:
    answer = {"now": 200.0, "backup": {"ok": True, "at": 160.0, "last_good": good}}
    said = "\n".join(backup_state.state(answer, since=170.0))
    assert ("none since the promotion of 1970-01-01 00:02:50 UTC" in said) == (
        good != {"at": 180.0}
    )
    assert "since the promotion" not in "\n".join(backup_state.state(answer))


@pytest.mark.parametrize(("backup", "loud"), [(None, False), ({"ok": False, "at": 160.0}, True)])
def test_wal_that_waits_for_the_first_backup_is_no_trouble(
    backup: dict[str, Any] | None, loud: bool
) -> None:
    answer = {"now": 200.0, "archiver": {"failing": True}, "waiting_mib": 32, "backup": backup}
    said = backup_state.state(answer)
    assert ("WAL DOES NOT REACH THE BUCKET: 32 MiB wait" in said) is loud
    assert "last good backup: never" in said
