"""Dumps of stage 2: what is decided about them without a bucket or a database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.host import dumps as part
from components.host.files.backups import dumps, record, restic
from tests.support.composed_hosts import BUCKET, separate_database

DAY = 86400.0
FOUND: list[dict[str, Any]] = [
    {"id": "29d212cb", "began": 3 * 3600.0, "ended": 3.5 * 3600},
    {"id": "2479d582", "began": DAY + 3 * 3600, "ended": DAY + 3.5 * 3600},
]


@pytest.mark.parametrize("words", [(), ("latest",), ("2479d582",)])
def test_the_newest_is_meant_unless_another_is_named(words: tuple[str, ...]) -> None:
    assert dumps.target(words, FOUND)["id"] == "2479d582"
    assert dumps.target(("29d212cb",), FOUND)["id"] == "29d212cb"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("deadbeef",), "ID: should be one of 29d212cb, 2479d582, got 'deadbeef'."),
        (("at", "2026-11-29"), "--to-time: should be given in stage 1, whose every change is"),
    ],
)
def test_what_the_bucket_does_not_have_is_refused(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(record.Failed) as refused:
        dumps.target(words, FOUND)
    assert str(refused.value).startswith(said)
    with pytest.raises(record.Failed, match="There is no backup yet"):
        dumps.target(words, [])


def test_a_dump_is_due_once_a_night_and_after_a_night_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "backups.json"
    config.write_text(json.dumps({"hour": 3}))
    monkeypatch.setattr(record, "CONFIG", config)
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    assert dumps.due([], DAY) == "dump"
    assert dumps.due(FOUND, DAY + 4 * 3600) == ""
    assert dumps.due(FOUND, 2 * DAY + 2 * 3600) == ""
    assert dumps.due(FOUND, 2 * DAY + 3 * 3600) == "dump"
    assert dumps.due(FOUND[:1], DAY + 9 * 3600) == "dump"
    # The next app server knows of the dumps of the one before.
    assert record.load()["backup"]["last_good"]["id"] == "2479d582"


def test_an_extension_of_the_administrators_is_left_out_of_a_restore() -> None:
    contents = (
        "; Archive\n"
        "2; 3079 16385 EXTENSION - postgis \n"
        "3387; 0 0 COMMENT - EXTENSION postgis \n"
        "3; 3079 16390 EXTENSION - citext \n"
        "215; 1259 16500 TABLE public postgis app\n"
    )
    assert dumps._without({"postgis"}, contents).splitlines() == [
        "; Archive",
        "3; 3079 16390 EXTENSION - citext ",
        "215; 1259 16500 TABLE public postgis app",
    ]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "subprocess pg_dump: pg_dump: error: permission denied for table hers.\n"
            "Fatal: unable to save snapshot",
            "pg_dump: pg_dump: error: permission denied for table hers",
        ),
        (
            '{"message_type":"exit_error","code":12,"message":"Fatal: wrong password"}',
            "Fatal: wrong password",
        ),
        ("", "no reason given"),
    ],
)
def test_the_first_error_is_the_reason(said: str, reason: str) -> None:
    assert restic.reason(said) == reason


def test_the_program_is_the_apps_in_the_database_and_the_app_does_not_read_its_key() -> None:
    host = separate_database()
    file = host.files()[part.ENVIRONMENT]
    assert (file.mode, file.owner, file.group) == ("0640", "root", "backups")
    assert "export PGUSER=app\n" in file.content and BUCKET.secret in file.content
    readers = [user.groups for each in host.parts for user in each.users if user.name == "app"]
    assert readers and all("backups" not in groups for groups in readers)
    assert all(f"DATABASE {name} OWNER app" in host.sql for name in part.COPIES)


RETRIES = """\
Save(<data/2fa4>) returned error, retrying after 1.3s: client.PutObject: No space left on device.
Load(<data/11ab>, 33, 0) returned error, retrying after 1s: unexpected EOF
Load(<data/11ab>, 33, 0) operation successful after 1 retries
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that stands for restic."""
    program = tmp_path / "restic"
    monkeypatch.setattr(restic, "argv", lambda: [str(program)])
    monkeypatch.setattr(restic, "REFUSED_S", 0)
    return program


def stand_in(program: Path, then: str) -> None:
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{RETRIES}END\n{then}\n")
    program.chmod(0o755)


def test_what_was_tried_again_with_success_is_no_refusal() -> None:
    assert restic._refused(RETRIES) == {
        "Save(<data/2fa4>)": "client.PutObject: No space left on device"
    }
    assert restic._refused(RETRIES + "Save(<data/2fa4>) failed: no\n") == {}


def test_a_bucket_that_goes_on_refusing_is_given_up(program: Path) -> None:
    """restic itself would try for a quarter of an hour."""
    stand_in(program, "exec sleep 600")
    with pytest.raises(record.Failed, match=r"failed: client\.PutObject: No space left on device"):
        restic.run("backup")
    with pytest.raises(record.Failed, match=r"failed: client\.PutObject: No space left on device"):
        dumps._pour({"id": "2479d582"}, ["cat"])


def test_a_request_that_a_retry_helped_is_waited_for(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restic, "REFUSED_S", 60)
    stand_in(program, "sleep 2; echo 'Save(<data/2fa4>) operation successful after 1 retries' >&2")
    assert restic.run("backup") == ""


def test_a_run_without_end_says_what_the_bucket_refuses(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restic, "REFUSED_S", 60)
    stand_in(program, "exec sleep 600")
    with pytest.raises(record.Failed, match=r"no end after 1 s: client\.PutObject: No space left"):
        restic.run("cat", timeout_s=1)
