"""What a host told of itself: samples, runs of `up`, processes that failed. No I/O.

The samples are those of ``components/host/files/samples/sample.py``; the rest are lines of the
journal, as ``journalctl -o json`` prints them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.host.agent.report import BEGINS, RUN_TAG

FAILURE = "d9b373ed55a64feb8242e02dbe79a49c"
"""systemd's message "Failed with result ..." (sd-messages.h, SD_MESSAGE_UNIT_FAILURE_RESULT)."""
LONGEST_RUN_S = 1800
"""A run of `up` whose end nobody recorded was killed; it counts for no longer."""
LONGEST_INTERVAL_S = 300
"""Two samples that are further apart tell of no peak between them."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One line of the sampler; its fields are explained there."""

    at: float
    boot: str
    cores: int
    cpu_s: float
    memory_mib: float
    total_mib: float
    requests: int
    page_ms: float | None
    refused: tuple[int, ...]
    queries: tuple[int, float] | None


@dataclass(frozen=True, kw_only=True)
class Interval:
    """What was between two samples, usually a minute."""

    start: float
    end: float
    cpu_percent: float
    """Of all processors that the host may use."""
    memory_percent: float
    """At its end."""
    requests: int
    page_ms: float | None
    calls: int
    query_ms: float
    """Of all calls together."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of `up` on the host, a deploy or a change of its configuration."""

    start: float
    end: float

    def holds(self, moment: float) -> bool:
        """Whether it was going on; the log has whole seconds."""
        return int(self.start) <= moment <= self.end


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A process of the app that ended as it should not have."""

    at: float
    unit: str
    result: str
    """systemd's word: ``exit-code``, ``signal``, ``oom-kill``, ..."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is known about a period."""

    since: float
    until: float
    samples: tuple[Sample, ...] = ()
    runs: tuple[Run, ...] = ()
    failures: tuple[Failure, ...] = ()
    backups: Mapping[str, Any] = field(default_factory=dict)
    """How they are (``scripts/lib/backup_state.py``)."""
    intervals: tuple[Interval, ...] = field(init=False)

    def __post_init__(self) -> None:
        intervals = tuple(
            between(first, second)
            for first, second in itertools.pairwise(self.samples)
            if follows(first, second)
        )
        object.__setattr__(self, "intervals", intervals)

    @property
    def refused(self) -> list[int]:
        """Seconds in which a request found no web process, each once."""
        return sorted({second for sample in self.samples for second in sample.refused})

    def in_a_run(self, moment: float) -> bool:
        """Whether an ``up`` was at work on the host."""
        return any(run.holds(moment) for run in self.runs)


def read(samples: str, events: str, since: float, until: float) -> Evidence:
    """Read both texts; a line that was cut off is left out."""
    in_order = sorted(_samples(samples), key=lambda sample: sample.at)
    entries = sorted(_entries(events), key=lambda entry: entry[0])
    return Evidence(
        since=since,
        until=until,
        samples=tuple(in_order),
        runs=tuple(_runs(entries, until)),
        failures=tuple(_failures(entries)),
    )


def follows(first: Sample, second: Sample) -> bool:
    """Whether two samples can be compared: one boot, no long gap, no counter that was reset."""
    return (
        first.boot == second.boot
        and 0 < second.at - first.at <= LONGEST_INTERVAL_S
        and second.cpu_s >= first.cpu_s
    )


def between(first: Sample, second: Sample) -> Interval:
    """What happened between two samples that follow each other."""
    calls, query_ms = 0, 0.0
    if first.queries and second.queries and second.queries[0] >= first.queries[0]:
        calls = second.queries[0] - first.queries[0]
        query_ms = max(0.0, second.queries[1] - first.queries[1])
    cpu_s = second.cpu_s - first.cpu_s
    return Interval(
        start=first.at,
        end=second.at,
        cpu_percent=100 * cpu_s / (second.at - first.at) / second.cores,
        memory_percent=100 * second.memory_mib / second.total_mib,
        requests=second.requests,
        page_ms=second.page_ms,
        calls=calls,
        query_ms=query_ms,
    )


def _samples(text: str) -> Iterator[Sample]:
    for record in _objects(text):
        queries = record.get("queries")
        try:
            yield Sample(
                **{
                    **record,
                    "refused": tuple(record["refused"]),
                    "queries": (queries[0], queries[1]) if queries else None,
                }
            )
        except (KeyError, TypeError, IndexError):  # of a sampler that is older or newer than this
            continue


def _entries(text: str) -> Iterator[tuple[float, dict[str, Any]]]:
    for record in _objects(text):
        if "__REALTIME_TIMESTAMP" in record:
            yield int(record["__REALTIME_TIMESTAMP"]) / 1e6, record


def _objects(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def _runs(entries: Sequence[tuple[float, dict[str, Any]]], until: float) -> Iterator[Run]:
    """Pair beginnings with ends; a beginning without one ends at the next, or after a while."""
    start: float | None = None
    for at, entry in entries:
        if entry.get("SYSLOG_IDENTIFIER") != RUN_TAG:
            continue
        if start is not None:
            yield Run(start=start, end=min(at, start + LONGEST_RUN_S))
        start = at if entry.get("MESSAGE") == BEGINS else None
    if start is not None:
        yield Run(start=start, end=min(until, start + LONGEST_RUN_S))


def _failures(entries: Iterable[tuple[float, dict[str, Any]]]) -> Iterator[Failure]:
    for at, entry in entries:
        if entry.get("MESSAGE_ID") == FAILURE:
            yield Failure(at=at, unit=str(entry["UNIT"]), result=str(entry.get("UNIT_RESULT")))
