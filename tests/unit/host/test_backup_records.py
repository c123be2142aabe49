"""What follows from how the last backup and the last proof went; and a server that lacks room."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from components.host import backups
from components.host.files.backups import cluster, main, record

HOUR, DAY = 3600.0, 86400.0
NOW = 20_000 * DAY


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    config = tmp_path / "backups.json"
    config.write_text(json.dumps({"hour": 3, "way": "one"}))
    monkeypatch.setattr(record, "CONFIG", config)
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("proofs", "hours_later", "due"),
    [
        ([], 0, True),  # a new server, or the one after it
        ([True], 7 * 24, False),  # Sunday's comes first
        ([True], 8 * 24, True),
        ([True, False], 8 * 24, True),
        ([False], 1, False),  # once a day
        ([False], 24, True),
    ],
)
def test_a_proof_that_is_missing_is_made(proofs: list[bool], hours_later: int, due: bool) -> None:
    for ok in proofs:
        record.save("verify", ok=ok, at=NOW)
    assert record.proof_due(NOW + hours_later * HOUR) is due


def test_after_a_proof_that_failed_nothing_old_is_relied_on_until_there_is_another() -> None:
    full = [{"id": "1", "type": "full", "ended": NOW + 4 * HOUR}]
    record.save("backup", ok=True, at=NOW + 3 * HOUR)
    record.save("verify", ok=True, at=NOW + 5 * HOUR)
    assert cluster.kind(full) == "diff"
    assert cluster.due(full, NOW + DAY + 4 * HOUR) == "diff"
    record.save("verify", ok=False, at=NOW + DAY)
    assert cluster.kind(full) == "full"
    assert cluster.due(full, NOW + DAY + HOUR) == ""  # in its night
    assert cluster.due(full, NOW + DAY + 4 * HOUR) == "full"
    record.save("backup", ok=False, at=NOW + DAY + 4 * HOUR)
    assert record.unproven() and not record.proof_due(NOW + DAY + 5 * HOUR)
    record.save("backup", ok=True, at=NOW + DAY + 5 * HOUR)
    assert not record.unproven() and record.proof_due(NOW + DAY + 5 * HOUR)


class One:
    """A way that has one backup."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def backups(self) -> list[dict[str, Any]]:
        return []

    def due(self, _known: list[dict[str, Any]], _now_s: float) -> str:
        return "dump"

    def make(self, kind: str) -> dict[str, Any]:
        self.done.append(kind)
        return {"id": "1"}

    def verify(self) -> dict[str, Any]:
        self.done.append("verify")
        record.save("verify", ok=True, at=NOW * 10)
        return {}


def test_the_first_backup_of_a_server_is_proven_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    way = One()
    monkeypatch.setitem(main.WAYS, "one", way)
    assert main.main(["due"]) == 0
    assert way.done == ["dump", "verify"]
    assert json.loads(capsys.readouterr().out) == {"id": "1"}
    assert main.main(["due"]) == 0
    assert way.done == ["dump", "verify", "dump"]


def test_a_full_disk_is_told_in_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / "x"))

    def alone(_what: str) -> AbstractContextManager[None]:
        raise full

    with (
        pytest.raises(record.Failed, match="x: No space left on device"),
        record.recorded("backup"),
    ):
        raise full
    assert record.load()["backup"]["problem"] == f"{folder}/x: No space left on device."
    monkeypatch.setattr(record, "alone", alone)
    assert main.main(["due"]) == 1
    assert capsys.readouterr().err == f"{folder}/x: No space left on device.\n"


@pytest.mark.parametrize(
    ("status", "limit_s"),
    [("ready   ", backups.PUSH_S), ("stopping", backups.STOPPING_PUSH_S)],
)
def test_a_bucket_that_is_not_there_does_not_keep_postgresql_from_stopping(
    folder: Path, status: str, limit_s: int
) -> None:
    """The eighth line of postmaster.pid says that it stops (``pidfile.h`` of PostgreSQL)."""
    (folder / "postmaster.pid").write_text("1\n2\n3\n4\n5\n6\n7\n" + status + "\n")
    stub = folder / "timeout"
    stub.write_text('#!/bin/sh\necho "$2" > limit\n')
    stub.chmod(0o755)
    part = backups.backups(version=17, mount="/data", volume_gib=10, hour=3)
    (script,) = [file.content for file in part.files if file.path == backups.ARCHIVE]
    environment = {"PATH": f"{folder}:{os.environ['PATH']}"}
    argv = ["sh", "-c", script, backups.ARCHIVE, "pg_wal/1"]
    subprocess.run(argv, cwd=folder, env=environment, check=True)
    assert (folder / "limit").read_text() == f"{limit_s}\n"
