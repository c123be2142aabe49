"""Rows that differ between two databases, one of which follows the other while both are read."""

from __future__ import annotations

import json
import re
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from components.host.agent import promotion_compare, promotion_record, promotion_state
from components.host.agent.promotion_compare import Both, compare, differences
from components.host.agent.report import Failed

TABLE = "public.orders"
ONE_AFTER_THE_OTHER = threading.Lock()


class Database:
    """A table of one database, which answers what the comparison asks."""

    def __init__(self, rows: dict[str, str], before: Callable[[], None] = lambda: None) -> None:
        self.rows = rows
        self.before = before

    def ask(self, sql: str) -> str:
        with ONE_AFTER_THE_OTHER:
            self.before()
            return self.answer(sql)

    def answer(self, sql: str) -> str:
        sums = [(hashed(row), row[0]) for row in self.rows.items()]
        if "pg_attribute" in sql:
            return '["t.id"]\n'
        if "json_agg" in sql:
            return json.dumps([TABLE])
        if "GROUP BY" in sql:
            totals: dict[int, list[int]] = {}
            for total, _key in sums:
                bucket = totals.setdefault(total & (promotion_compare.BUCKETS - 1), [0, 0])
                bucket[0] += 1
                bucket[1] += total
            return lines([key, count, str(total)] for key, (count, total) in totals.items())
        listed = re.search(r"IN \((.*)\)", sql)
        assert listed
        wanted = {int(word) for word in listed[1].split(", ")}
        return lines(
            [total, key] for total, key in sums if total & (promotion_compare.BUCKETS - 1) in wanted
        )


def hashed(row: tuple[str, str]) -> int:
    text = "|".join(row).encode()
    return (zlib.crc32(text) << 31 | zlib.crc32(text[::-1])) - (1 << 62)


def lines(values: object) -> str:
    return "".join(f"{json.dumps(value)}\n" for value in values)  # type: ignore[attr-defined]


class Pair:
    """Two databases; the second has what the first had when it last followed, or later."""

    def __init__(self, rows: dict[str, str], **wrong: str | None) -> None:
        self.number = 0
        self.first = Database(dict(rows), self.write)
        self.other = Database(dict(rows), self.write_and_follow)
        self.owed: list[tuple[str, str | None]] = []
        for key, value in wrong.items():
            if value is None:
                del self.other.rows[key]
            else:
                self.other.rows[key] = value
        self.writes: Callable[[int], tuple[str, str | None]] | None = None

    def write(self) -> None:
        if self.writes:
            key, value = self.writes(self.number)
            self.number += 1
            apply(self.first.rows, key, value)
            self.owed.append((key, value))

    def write_and_follow(self) -> None:
        self.write()
        self.follow()

    def follow(self) -> None:
        for key, value in self.owed:
            apply(self.other.rows, key, value)
        self.owed.clear()

    def differences(self) -> dict[str, set[str]]:
        sides: dict[str, set[str]] = {}
        for _total, key, side in differences(
            TABLE, Both(self.first.ask, self.other.ask, self.follow)
        ):
            sides.setdefault(key, set()).add(side)
        return sides


def apply(rows: dict[str, str], key: str, value: str | None) -> None:
    if value is None:
        rows.pop(key, None)
    else:
        rows[key] = value


ROWS = {f"k{number}": f"value {number}" for number in range(500)}


def test_the_same_rows_are_no_difference() -> None:
    assert Pair(ROWS).differences() == {}


def test_a_row_that_was_changed_or_lost_or_added_on_one_side_is_named() -> None:
    pair = Pair(ROWS, k7="another value", k8=None, new="x")
    assert pair.differences() == {"k7": {"first", "other"}, "k8": {"first"}, "new": {"other"}}


@pytest.mark.parametrize(
    "writes",
    [
        lambda number: (f"written {number}", "x"),
        lambda number: ("k3", f"changed {number}"),
        lambda number: (f"k{number}", None),
    ],
    ids=["inserts", "updates", "deletes"],
)
def test_what_is_under_way_is_no_difference(
    writes: Callable[[int], tuple[str, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion_compare, "ATTEMPTS", 1)
    monkeypatch.setattr(promotion_compare, "BUCKETS", 1)
    pair = Pair(ROWS)
    pair.writes = writes
    assert pair.differences() == {}
    wrong = Pair(ROWS, k400="another value")
    wrong.writes = writes
    assert wrong.differences() == {"k400": {"first", "other"}}


def test_a_row_that_goes_and_comes_back_is_asked_for_again() -> None:
    """It is away when the second is summed up, and when its rows are read."""
    pair = Pair(ROWS)
    pair.writes = lambda number: ("k3", None if number in {1, 4} else ROWS["k3"])
    assert pair.differences() == {}


def test_many_rows_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion_compare, "ROWS", 3)
    pair = Pair(ROWS, **{f"k{number}": "wrong" for number in range(20)})
    assert set(pair.differences()) == {f"k{number}" for number in range(20)}
    monkeypatch.setattr(promotion_compare, "MANY", 8)
    assert 4 <= len(pair.differences()) < 20


def test_rows_without_a_key_are_counted() -> None:
    alone = Counter({(5, "", "first"): 2, (6, "", "other"): 1})
    assert promotion_compare._described(TABLE, alone) == {
        "table": TABLE,
        "rows": 3,
        "keys": [],
        "at_least": False,
    }


@pytest.fixture
def server(record: Path) -> None:
    promotion_record.write(phase="switched", side="from", other="shop2", at=1.0)


def test_what_comes_of_it_is_kept_for_whoever_asks(
    server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(ROWS, k7="another value")
    during = []

    def follow() -> None:
        during.append(promotion_state.compared(promotion_record.read())["state"])
        with pytest.raises(Failed, match="is already running"):
            compare({})

    both = Both(pair.first.ask, pair.other.ask, follow)
    monkeypatch.setattr(promotion_record, "LOCK_S", 0)
    monkeypatch.setattr(promotion_compare, "_both", lambda *_: both)
    differs = [{"table": TABLE, "rows": 1, "keys": [["k7", "first and other"]], "at_least": False}]
    assert compare({}) == {"tables": 1, "differs": differs}
    assert set(during) == {"running"}
    kept = promotion_state.compared(promotion_record.read())
    assert (kept["state"], kept["differs"]) == ("differs", differs)


def test_a_table_that_one_of_them_lacks_differs(
    server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(ROWS)
    both = Both(pair.first.ask, lambda _sql: "[]", pair.follow)
    monkeypatch.setattr(promotion_compare, "_both", lambda *_: both)
    assert compare({})["differs"] == [{"table": TABLE, "rows": 0, "keys": [], "at_least": False}]


def test_one_that_fails_says_so_to_whoever_asks(
    server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_sql: str) -> str:
        raise Failed("the database of stage 2", "no answer")

    both = Both(broken, broken, lambda: None)
    monkeypatch.setattr(promotion_compare, "_both", lambda *_: both)
    with pytest.raises(Failed):
        compare({})
    kept = promotion_state.compared(promotion_record.read())
    assert (kept["state"], kept["failed"]) == ("failed", "no answer")


def test_one_that_cannot_begin_leaves_what_is_known(
    server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(ROWS)
    both = Both(pair.first.ask, pair.other.ask, pair.follow)
    monkeypatch.setattr(promotion_compare, "_both", lambda *_: both)
    compare({})

    def without_way_back(*_: object) -> Both:
        raise Failed("the comparison", "is no longer possible")

    monkeypatch.setattr(promotion_compare, "_both", without_way_back)
    with pytest.raises(Failed):
        compare({})
    assert promotion_state.compared(promotion_record.read())["state"] == "same"
