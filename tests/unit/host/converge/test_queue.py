"""When the jobs of a queue are due; the rest is shown on real hosts (tests/real/stages)."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from components.host.agent import queue

DUE = 4_000_000_000


@pytest.mark.parametrize("score", [DUE, DUE + 0.5, DUE * 1000, DUE * 1000 * 4096 + 17])
def test_a_score_is_seconds_milliseconds_or_bullmqs(score: float) -> None:
    assert queue._seconds(score) == pytest.approx(DUE, abs=1)


@pytest.mark.parametrize("score", [float("inf"), 1e300, 1e18, -1e300, float("-inf")])
def test_a_score_that_is_no_time_has_an_end(score: float) -> None:
    assert 1970 <= time.gmtime(queue._seconds(score)).tm_year <= 5138


def test_a_message_of_any_depth_has_an_eta() -> None:
    assert queue._eta(b"[" * 100_000) == 0


@pytest.mark.parametrize(
    ("message", "due"),
    [
        ([{"headers": {"eta": "2096-10-02T07:06:40+00:00"}}, "", "celery"], DUE),
        ([{"headers": {"eta": "2096-10-02T07:06:40Z"}}, "", "celery"], DUE),
        ([{"headers": {"eta": "2096-10-02T07:06:40"}}, "", "celery"], DUE),
        ([{"headers": {"eta": None}}, "", "celery"], 0),
        ([{"headers": {"eta": "tomorrow"}}, "", "celery"], 0),
        ([{}], 0),
        ({}, 0),
        (7, 0),
    ],
)
def test_the_eta_of_a_message_that_a_worker_holds(message: object, due: float) -> None:
    assert queue._eta(json.dumps(message).encode()) == due
    assert queue._eta(b"\xff") == 0


@pytest.mark.parametrize(
    ("name", "planned"),
    [
        (b"schedule", True),
        (b"retry", True),
        (b"bull:mails:delayed", True),
        (b"rq:scheduled:default", True),
        (b"delayed_queue_schedule", True),
        (b"dead", False),
        (b"rescheduled", False),
        (b"unacked_index", False),
    ],
)
def test_the_names_of_sets_with_planned_jobs(name: bytes, planned: bool) -> None:
    assert bool(queue.LATER.search(name)) is planned


class Fake:
    """A queue with a few strings; it notes what is evaluated."""

    def __init__(self, *others: bytes, **strings: bytes) -> None:
        self.strings = {name.encode().replace(b"_", b":"): value for name, value in strings.items()}
        self.others = others
        self.evaluated: list[tuple[Any, ...]] = []
        self.emptied = False

    def every(self) -> list[tuple[int, bytes]]:
        return [(0, key) for key in (*self.strings, *self.others)]

    def ask(self, *words: Any) -> Any:
        match words[0]:
            case "TYPE":
                return b"string" if words[1] in self.strings else b"hash"
            case "EXISTS":
                return int(words[1] in self.others)
            case "GET":
                return self.strings.get(words[1], b"7f")
            case "FLUSHALL":
                self.emptied = True
            case "EVAL":
                self.evaluated.append(words[3:])
            case "DUMP":
                return b"dumped"
        return 0


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """What this host's queue holds; its notes are files of the test's."""
    held = Fake(b"own:jobs:meta", bull_mails_id=b"41", own_jobs_id=b"7", current_user_id=b"9")
    monkeypatch.setattr(queue, "COUNTERS", tmp_path / "counters.json")
    monkeypatch.setattr(queue, "ASIDE", tmp_path / "aside.json")
    monkeypatch.setattr(queue, "Valkey", lambda _where: held)
    return held


WITH_QUEUE: dict[str, Any] = {"shutdown": {"queue": {"port": "6379"}}}


def test_what_numbers_jobs_is_counted_on_and_other_values_stay(fake: Fake) -> None:
    known = queue.counters(WITH_QUEUE)
    queue.take_counters({**WITH_QUEUE, **known})
    assert fake.evaluated == [(0, b"bull:mails:id", 1_000_041), (0, b"own:jobs:id", 1_000_007)]
    assert not queue.COUNTERS.exists()


def test_what_is_no_counter_stops_no_move(fake: Fake) -> None:
    bad = [
        "x",
        [0],
        [0, 1, 2],
        ["0", "YTppZA==", 1],
        [0, "?", 1],
        [0, "YTppZA==", -1],
        [0, "YQ", True],
    ]
    queue.take_counters({**WITH_QUEUE, "counters": [*bad, [0, "YTppZA==", 1]]})
    assert fake.evaluated == [(0, b"a:id", 1_000_001)]
    assert not queue.COUNTERS.exists()


def test_a_queue_that_does_not_run_yet_counts_on_when_it_does(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_where: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as changed:
        changed.setattr(queue, "Valkey", refuse)
        queue.take_counters({**WITH_QUEUE, "counters": [[0, "YTppZA==", 1]]})
    assert fake.evaluated == []
    for _ in range(2):
        queue.count_on()
    assert fake.evaluated == [(0, b"a:id", 1_000_001)]


def test_a_queue_that_was_set_aside_comes_back_as_it_was(fake: Fake) -> None:
    queue.set_aside({"port": "6379"})
    assert fake.emptied
    kept = queue.ASIDE.read_text()
    fake.strings.clear()
    queue.set_aside({"port": "6379"})  # a copy that was begun again
    assert queue.ASIDE.read_text() == kept
    for _ in range(2):
        queue.bring_back()
    ((*_, payload),) = fake.evaluated
    assert payload == b"dumped" and not queue.ASIDE.exists()
