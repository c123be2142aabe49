"""Dumps of stage 2: what is decided about them without a bucket or a database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.host import dumps as part
from components.host.files.backups import dumps, record
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
    assert dumps._reason(said) == reason


def test_the_program_is_the_apps_in_the_database_and_the_app_does_not_read_its_key() -> None:
    host = separate_database()
    file = host.files()[part.ENVIRONMENT]
    assert (file.mode, file.owner, file.group) == ("0640", "root", "backups")
    assert "export PGUSER=app\n" in file.content and BUCKET.secret in file.content
    readers = [user.groups for each in host.parts for user in each.users if user.name == "app"]
    assert readers and all("backups" not in groups for groups in readers)
    assert all(f"DATABASE {name} OWNER app" in host.sql for name in part.COPIES)
