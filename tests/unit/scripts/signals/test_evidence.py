"""What is read from a host's words."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scripts.lib.signals.evidence import FAILURE, LONGEST_RUN_S, Evidence, Failure, Run, read

SAMPLE: dict[str, Any] = {
    "at": 100.0,
    "boot": "b",
    "cores": 2,
    "cpu_s": 10.0,
    "memory_mib": 256.0,
    "total_mib": 1024,
    "requests": 3,
    "page_ms": 7.5,
    "refused": [],
    "queries": [10, 20.0],
}


def of(*samples: dict[str, Any], events: str = "", until: float = 1e6) -> Evidence:
    text = "\n".join(json.dumps({**SAMPLE, **changes}) for changes in samples)
    return read(text, events, 0, until)


def event(at: float, **fields: str) -> str:
    return json.dumps({"__REALTIME_TIMESTAMP": str(int(at * 1e6)), **fields}) + "\n"


def run(at: float, message: str) -> str:
    return event(at, SYSLOG_IDENTIFIER="stages-run", MESSAGE=message)


def test_an_interval_is_what_grew_between_two_samples() -> None:
    (interval,) = of(
        {},
        {"at": 160.0, "cpu_s": 70.0, "memory_mib": 512.0, "requests": 9, "queries": [15, 80.0]},
    ).intervals
    assert (interval.start, interval.end) == (100, 160)
    assert (interval.cpu_percent, interval.memory_percent) == (50, 50)
    assert (interval.calls, interval.query_ms, interval.requests) == (5, 60, 9)


def test_samples_that_do_not_follow_make_no_interval() -> None:
    assert not of({}).intervals
    assert not of({}, {"at": 160.0, "boot": "c"}).intervals
    assert not of({}, {"at": 401.0}).intervals
    assert not of({}, {"at": 160.0, "cpu_s": 9.0}).intervals
    assert len(of({}, {"at": 400.0}).intervals) == 1


def test_statistics_that_were_reset_or_are_missing_count_as_none() -> None:
    for queries in ([9, 1.0], None):
        (interval,) = of({}, {"at": 160.0, "queries": queries}).intervals
        assert (interval.calls, interval.query_ms) == (0, 0)


def test_refused_seconds_count_once() -> None:
    assert of({"refused": [7, 8]}, {"at": 160.0, "refused": [8, 9]}).refused == [7, 8, 9]


def test_runs_are_paired_and_a_killed_one_ends() -> None:
    events = run(10, "begins") + run(20, "ends") + run(30, "begins") + run(40, "begins")
    assert of(events=events, until=50).runs == (
        Run(start=10, end=20),
        Run(start=30, end=40),
        Run(start=40, end=50),
    )
    (killed,) = of(events=run(10, "begins")).runs
    assert killed.end == 10 + LONGEST_RUN_S
    killed, _ = of(events=run(10, "begins") + run(90_000, "begins")).runs
    assert killed.end == 10 + LONGEST_RUN_S
    assert of(events=run(10, "ends")).runs == ()


def test_failures_are_systemds_own() -> None:
    events = event(5, MESSAGE_ID=FAILURE, UNIT="worker@worker.1.service", UNIT_RESULT="oom-kill")
    events += event(6, MESSAGE_ID="other", UNIT="worker@worker.1.service")
    assert of(events=events).failures == (
        Failure(at=5, unit="worker@worker.1.service", result="oom-kill"),
    )


def test_a_line_that_was_cut_off_or_is_of_another_sampler_is_left_out() -> None:
    whole = json.dumps(SAMPLE)
    older = json.dumps({"at": 1})
    evidence = read(f"{whole}\n{whole[:50]}\n{older}\n[]\n", "{", 0, 1)
    assert (len(evidence.samples), evidence.runs, evidence.failures) == (1, (), ())


@given(samples=st.text(), events=st.text())
def test_no_text_is_an_error(samples: str, events: str) -> None:
    assert read(samples, events, 0, 1).samples == ()
