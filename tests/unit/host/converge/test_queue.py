"""When the jobs of a queue are due; the rest is shown on real hosts (tests/real/stages)."""

from __future__ import annotations

import json
import time

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
