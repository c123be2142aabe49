"""The five signs, and what decides each: numbers in, verdicts out. No I/O.

A sign is measured at its peak: the 5 % of the minutes that are busiest, an hour and a quarter of a
day. Below ``near`` nothing has to be thought of; above ``limit`` the sign is there. One sign is
enough to move on, for each is about users who wait or are turned away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from components.seam.downtime import CloudDowntime, Span, in_words
from scripts.lib.signals.evidence import Evidence, Failure, Interval
from scripts.lib.signals.verdicts import Limit, Measure, Sign

PEAK_SHARE = 0.05
"""The busiest minutes: 1 of 20."""
LEAST_INTERVALS = 3
"""Fewer minutes have no peak."""
LEAST_CALLS = 20
"""The mean of fewer queries says little."""
WEEK_S = 7 * 86400
TOUCH_S = 30
"""What happens to the web within this time of a worker's crash counts as touched by it."""


LATENCY = Limit(
    near=50,
    limit=100,
    why="a page of ten queries then takes a second: our choice",
)
LOAD = Limit(near=70, limit=80, why="what is left is needed for a burst and a restart: 70 to 80 %")
DEPLOYS = Limit(near=5, limit=20, why="a deploy a day that turns users away for 3 s: our choice")
CRASHES = Limit(near=0, limit=1, why="once may be chance: our choice")
NEAR_WINDOW = 0.75
"""Of the window that the settings allow."""


def five(evidence: Evidence, cloud: CloudDowntime, window_min: int | None) -> tuple[Sign, ...]:
    """All signs, in the order in which a product usually meets them."""
    return (
        latency(evidence),
        load(evidence),
        deploys(evidence),
        crashes(evidence),
        maintenance(cloud.OLD_FIRST, cloud.NEW_FIRST, window_min),
    )


def latency(evidence: Evidence) -> Sign:
    """How long a query takes on average in the minutes in which most requests come.

    PostgreSQL keeps sums and no distribution: a mean of each minute is what can be had. What pages
    took in the same minutes, 95 of 100, is said beside it.
    """
    peak = busiest([interval for interval in evidence.intervals if interval.requests])
    calls = sum(interval.calls for interval in peak)
    known = len(peak) >= LEAST_INTERVALS and calls >= LEAST_CALLS
    pages = [interval.page_ms for interval in peak if interval.page_ms is not None]
    detail = (
        f"{calls} queries and {sum(interval.requests for interval in peak)} requests in the"
        f" {len(peak)} busiest minutes; in the worst of them 95 of 100 requests took up to"
        f" {max(pages, default=0):.0f} ms"
        if known
        else f"{calls} queries in {len(peak)} minutes with requests: at least {LEAST_CALLS} in"
        f" {LEAST_INTERVALS} are needed"
    )
    return Sign(
        key="latency",
        title="Query latency at peak",
        measures=(
            Measure(
                name="mean of a query",
                number=sum(interval.query_ms for interval in peak) / calls if known else None,
                unit="ms",
                limit=LATENCY,
                source="pg_stat_statements, database app, read once a minute",
                detail=detail,
            ),
        ),
    )


def load(evidence: Evidence) -> Sign:
    """What 19 of 20 minutes stay below, of processors and of memory."""
    known = len(evidence.intervals) >= LEAST_INTERVALS
    few = f"{_count(len(evidence.intervals), 'minute')}: at least {LEAST_INTERVALS} are needed"
    cores = evidence.samples[-1].cores if evidence.samples else 0
    total = evidence.samples[-1].total_mib if evidence.samples else 0

    def of(name: str, percents: list[float], source: str, detail: str) -> Measure:
        number = level(percents) if known else None
        full_detail = f"{detail}; the most was {max(percents):.0f} %" if known else few
        return Measure(
            name=name, number=number, unit="%", limit=LOAD, source=source, detail=full_detail
        )

    return Sign(
        key="load",
        title="CPU and memory",
        measures=(
            of(
                "CPU",
                [interval.cpu_percent for interval in evidence.intervals],
                "/sys/fs/cgroup/cpu.stat, read once a minute",
                f"19 of 20 minutes were no higher, of {_count(cores, 'processor')}",
            ),
            of(
                "memory",
                [interval.memory_percent for interval in evidence.intervals],
                "Pss in /proc/*/smaps_rollup, read once a minute",
                f"19 of 20 minutes were no higher, of {total:.0f} MiB",
            ),
        ),
    )


def deploys(evidence: Evidence) -> Sign:
    """For how many seconds requests were refused while an `up` was at work on the host.

    Only where somebody asked: a deploy that nobody notices costs nothing.
    """
    refused = evidence.refused
    during = [at for at in refused if evidence.in_a_run(at)]
    return Sign(
        key="deploys",
        title="Downtime by deploys",
        measures=(
            Measure(
                name="requests refused for",
                number=weekly(len(during), evidence) if evidence.samples else None,
                unit="s a week",
                limit=DEPLOYS,
                source="Nginx's access log (503 after 502 or 504) and stages-run in the journal",
                detail=f"{_count(len(evidence.runs), 'run')} of `up`;"
                f" {len(refused) - len(during)} s outside of them"
                if evidence.samples
                else "no sample of the access log",
            ),
        ),
    )


def crashes(evidence: Evidence) -> Sign:
    """How often the worker crashed and the web did not go on as if nothing were.

    A crash during an `up` is the deploy's. The web is touched when one of its processes fails too,
    or when a request is refused, shortly before or after.
    """
    own = [failure for failure in evidence.failures if not evidence.in_a_run(failure.at)]
    refused = [at for at in evidence.refused if not evidence.in_a_run(at)]
    workers = [failure for failure in own if failure.unit.startswith("worker@")]
    webs = [failure for failure in own if failure.unit.startswith("web@")]
    touching = [failure for failure in workers if touches(failure, webs, refused)]
    last = f", the last by {touching[-1].result}" if touching else ""
    return Sign(
        key="crashes",
        title="Worker crashes that touched the web",
        measures=(
            Measure(
                name="crashes",
                number=weekly(len(touching), evidence),
                unit="a week",
                limit=CRASHES,
                source="systemd's failures in the journal, and Nginx's access log",
                detail=f"the worker failed {_count(len(workers), 'time')}, web processes"
                f" {_count(len(webs), 'time')}{last}",
            ),
        ),
    )


def maintenance(old_first: Span, new_first: Span, window_min: int | None) -> Sign:
    """Whether the longest planned work fits into the time that the users can do without the app.

    Stage 1 has one server with the data: to replace it (another release of Debian, another size)
    the old one goes first. In stage 2 the new one comes first.
    """
    worst_s = old_first.least_s if old_first.most_s is None else old_first.most_s
    limit = None
    if window_min is not None:
        near = NEAR_WINDOW * window_min
        limit = Limit(near=near, limit=window_min, why="stages:maintenance.window_min")
    after = "nothing" if new_first.most_s == 0 else in_words(new_first.least_s, new_first.most_s)
    detail = f"in stage 2 the new server comes first: {after}"
    if limit is None:
        detail = f"stages:maintenance.window_min does not say how long is too long; {detail}"
    return Sign(
        key="maintenance",
        title="Maintenance windows",
        measures=(
            Measure(
                name="replacing the server",
                number=worst_s / 60,
                unit="min",
                limit=limit,
                source=f"what `make preview` expects, not measured: {old_first.source}",
                detail=detail,
            ),
        ),
    )


def busiest(intervals: Sequence[Interval]) -> list[Interval]:
    """The share of the minutes in which most requests came, by the minute's own length."""
    ranked = sorted(
        intervals,
        key=lambda interval: interval.requests / (interval.end - interval.start),
        reverse=True,
    )
    return ranked[: max(LEAST_INTERVALS, math.ceil(len(ranked) * PEAK_SHARE))]


def weekly(count: int, evidence: Evidence) -> float:
    """A count as one of a week; what came in less is not blown up."""
    return count / max(1, (evidence.until - evidence.since) / WEEK_S)


def level(numbers: Sequence[float]) -> float:
    """The number that all but the highest 5 % stay at or below."""
    return sorted(numbers)[math.ceil(len(numbers) * (1 - PEAK_SHARE)) - 1]


def touches(crash: Failure, webs: Sequence[Failure], refused: Sequence[int]) -> bool:
    """Whether the web felt a crash of the worker."""
    moments = [*(failure.at for failure in webs), *refused]
    return any(abs(moment - crash.at) <= TOUCH_S for moment in moments)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
