"""A promotion by dump: how long it may take, and what it leaves behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.host.agent import promotion_dump, promotion_record
from components.host.agent.report import TIMEOUT_EXIT, Done, Failed

LINK = {"admin": {"PGHOST": "10.0.0.2", "PGPASSWORD": "x"}, "password": "y", "ca_file": "/ca"}


@pytest.fixture
def server(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion_dump, "FOLDER", record.with_name("dump"))


def test_the_rehearsal_decides_whether_clients_may_wait(server: None) -> None:
    with pytest.raises(Failed, match="has not finished"):
        promotion_dump.check_rehearsal(60)
    promotion_record.write(rehearsed_s=49.1)
    promotion_dump.check_rehearsal(60)
    promotion_record.write(rehearsed_s=49.2)
    with pytest.raises(Failed, match="clients would wait for about 50 s, but may wait only 60 s"):
        promotion_dump.check_rehearsal(60)


@pytest.mark.parametrize("ends", [Done(TIMEOUT_EXIT, ""), Done(1, "pg_restore: error: no room")])
def test_a_dump_that_ends_badly_leaves_no_files(
    server: None, ends: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, float]] = []

    def run(argv: list[str], *, timeout_s: float, environment: dict[str, str]) -> Done:
        ran.append((Path(argv[0]).name, timeout_s))
        promotion_dump.FOLDER.mkdir(exist_ok=True)
        assert "PGPASSWORD" in environment and "y" not in argv
        return Done(0, "") if argv[0].endswith("pg_dump") else ends

    monkeypatch.setattr(promotion_dump, "run", run)
    monkeypatch.setattr("components.host.agent.pace.patience", lambda: 2.0)
    with pytest.raises(Failed, match=r"longer than clients may wait|no room"):
        promotion_dump.transfer(LINK, limit_s=60)
    assert [name for name, _limit in ran] == ["pg_dump", "pg_restore"]
    assert all(29 < limit <= 30 for _name, limit in ran)  # a slow host does not get more
    assert not promotion_dump.FOLDER.exists()


def test_one_way_at_a_time(server: None) -> None:
    asked: dict[str, Any] = {"other": "shop2", "by": "dump", "without_files": False}
    for _ in range(2):
        promotion_record.begin(asked)
        assert promotion_record.by_dump()
    with pytest.raises(Failed) as refused:
        promotion_record.begin({**asked, "by": "logical"})
    assert refused.value.remedy == "Continue with --way dump, or run --abort first."
