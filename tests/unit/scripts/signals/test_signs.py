"""What decides each sign, at its borders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.seam.downtime import Span
from scripts.lib.signals import signs, verdicts
from scripts.lib.signals.evidence import Evidence, Failure, Run
from scripts.lib.signals.verdicts import Verdict
from tests.support.signals import WEEK, minutes


@pytest.mark.parametrize(
    ("ms", "verdict"),
    [(50, "stay"), (51, "near"), (100, "near"), (101, "move on")],
)
def test_latency(ms: float, verdict: str) -> None:
    sign = signs.latency(minutes(*[(10, 100, ms)] * 3))
    assert sign.verdict == verdict
    assert sign.measures[0].number == pytest.approx(ms)


def test_latency_is_that_of_the_busiest_minutes() -> None:
    """A slow report at night is no peak; a slow hour with visitors is."""
    quiet, night = [(10, 10, 5.0)] * 96, [(1, 1, 60_000.0)]
    assert signs.latency(minutes(*quiet, *night)).verdict == "stay"
    peak = signs.latency(minutes(*quiet, *night, *[(90, 90, 200.0)] * 5))
    assert peak.verdict == "move on"
    assert peak.measures[0].number == pytest.approx(196, abs=1)
    assert peak.measures[0].detail.endswith(
        "in the 6 busiest minutes; in the worst of them 95 of 100 requests took up to 12 ms"
    )


def test_latency_of_too_little_is_not_known() -> None:
    few = signs.latency(minutes((9, 100, 500.0), (9, 100, 500.0), (0, 100, 500.0)))
    assert (few.verdict, few.measures[0].number) == ("not known", None)
    assert few.measures[0].detail == (
        "200 queries in 2 minutes with requests: at least 20 in 3 are needed"
    )
    assert signs.latency(minutes(*[(9, 6, 500.0)] * 3)).verdict == "not known"
    assert signs.latency(minutes(*[(9, 7, 500.0)] * 3)).verdict == "move on"


@pytest.mark.parametrize(
    ("cpu", "memory", "verdict"),
    [(70, 70, "stay"), (71, 0, "near"), (0, 80, "near"), (81, 0, "move on"), (0, 81, "move on")],
)
def test_load(cpu: float, memory: float, verdict: str) -> None:
    # A little less, for a float is not exact at the border itself.
    cpu, memory = (max(0.0, percent - 0.01) for percent in (cpu, memory))
    sign = signs.load(minutes(*[(0, 0, 0.0)] * 20, cpu=cpu, memory=memory))
    assert sign.verdict == verdict


def test_load_of_one_minute_in_twenty_is_none() -> None:
    assert signs.level([10] * 19 + [100]) == 10
    assert signs.level([10] * 18 + [100] * 2) == 100
    few = signs.load(minutes((0, 0, 0.0), cpu=100))
    assert few.verdict == "not known"
    assert few.measures[0].detail == "1 minute: at least 3 are needed"


@given(numbers=st.lists(st.floats(0, 100), min_size=1, max_size=300))
def test_at_most_one_in_twenty_is_above_the_level(numbers: list[float]) -> None:
    sign = signs.level(numbers)
    assert sign in numbers
    assert sum(number > sign for number in numbers) <= len(numbers) * 0.05


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0, "stay"), (5, "stay"), (6, "near"), (20, "near"), (21, "move on")]
)
def test_deploys(seconds: int, verdict: str) -> None:
    refused = tuple(range(100, 100 + seconds))
    evidence = minutes((1, 1, 1.0), refused=(*refused, 500))
    runs = (Run(start=100.7, end=130),)
    sign = signs.deploys(Evidence(since=0, until=WEEK, samples=evidence.samples, runs=runs))
    assert (sign.verdict, sign.measures[0].number) == (verdict, seconds)
    assert sign.measures[0].detail == "1 run of `up`; 1 s outside of them"


def test_deploys_without_a_sample_are_not_known() -> None:
    assert signs.deploys(Evidence(since=0, until=1)).verdict == "not known"


def test_a_longer_period_counts_by_the_week_and_a_shorter_one_does_not() -> None:
    assert signs.weekly(26, Evidence(since=0, until=13 * WEEK)) == 2
    assert signs.weekly(2, Evidence(since=0, until=3600)) == 2


def failed(at: float, unit: str) -> Failure:
    return Failure(at=at, unit=unit, result="signal")


@pytest.mark.parametrize(
    ("failures", "verdict"),
    [
        ([], "stay"),
        ([failed(100, "worker@worker.1.service")] * 5, "stay"),
        ([failed(100, "web@8001.service")] * 5, "stay"),
        ([failed(100, "worker@worker.1.service"), failed(131, "web@8001.service")], "stay"),
        ([failed(100, "worker@worker.1.service"), failed(130, "web@8001.service")], "near"),
        ([failed(100, "worker@worker.1.service"), failed(70, "web@8001.service")], "near"),
        (
            [
                failed(at, unit)
                for at in (100, 900)
                for unit in ("worker@worker.1.service", "web@1.service")
            ],
            "move on",
        ),
    ],
)
def test_crashes(failures: list[Failure], verdict: str) -> None:
    assert signs.crashes(Evidence(since=0, until=WEEK, failures=tuple(failures))).verdict == verdict


def test_a_crash_that_a_visitor_felt_and_one_that_a_deploy_made() -> None:
    samples = minutes((1, 1, 1.0), refused=(95,)).samples
    crash = (failed(100, "worker@worker.1.service"),)
    felt = signs.crashes(Evidence(since=0, until=WEEK, samples=samples, failures=crash))
    assert felt.verdict == "near"
    assert felt.measures[0].detail == (
        "the worker failed 1 time, web processes 0 times, the last by signal"
    )
    for run in (Run(start=99, end=101), Run(start=90, end=96)):  # of the crash, of the refusal
        deployed = Evidence(since=0, until=WEEK, samples=samples, failures=crash, runs=(run,))
        assert signs.crashes(deployed).verdict == "stay"


@pytest.mark.parametrize(
    ("window", "verdict"),
    [(None, "not known"), (1, "move on"), (2, "near"), (3, "stay")],
)
def test_maintenance(window: int | None, verdict: str) -> None:
    sign = signs.maintenance(Span(10, 120, "somebody"), Span(0, 0, "x"), window)
    assert (sign.verdict, sign.measures[0].number) == (verdict, 2)
    assert sign.measures[0].detail.endswith("in stage 2 the new server comes first: nothing")


def test_maintenance_whose_most_nobody_states() -> None:
    sign = signs.maintenance(Span(300, None, "x"), Span(1, 60, "x"), 4)
    assert (sign.verdict, sign.measures[0].number) == ("move on", 5)
    assert sign.measures[0].detail.endswith("comes first: 1 s to 1 min")


def test_one_sign_is_enough_and_none_that_is_near_or_not_known() -> None:
    def sign(verdict: Verdict) -> verdicts.Sign:
        number = {"stay": 0.0, "near": 2.0, "move on": 4.0}.get(verdict)
        limit = verdicts.Limit(near=1, limit=3, why="")
        measure = verdicts.Measure(
            name="", number=number, unit="", limit=limit, source="", detail=""
        )
        return verdicts.Sign(key="", title="", measures=(measure,))

    others = [sign(Verdict.stay), sign(Verdict.near), sign(Verdict.unknown)]
    assert [sign.verdict for sign in others] == ["stay", "near", "not known"]
    assert verdicts.judge(others) == "stay"
    assert verdicts.judge([*others, sign(Verdict.move_on)]) == "move on"
