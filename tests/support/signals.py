"""Evidence of hosts that never were, for the decisions of ``scripts/lib/signals``."""

from __future__ import annotations

from scripts.lib.signals.evidence import Evidence, Sample

WEEK = 7 * 86400
BEGIN = 1795305600
"""2026-11-22 00:00 UTC."""


def minutes(
    *rows: tuple[int, int, float], cpu: float = 0, memory: float = 0, refused: tuple[int, ...] = ()
) -> Evidence:
    """A week with samples of a few minutes: (requests, queries, milliseconds of each query)."""
    samples = [_sample(0, 0, 0, 0.0, 0, memory, ())]
    calls, spent = 0, 0.0
    for number, (requests, queries, ms) in enumerate(rows, 1):
        calls, spent = calls + queries, spent + queries * ms
        used = 60 * number * cpu / 100 * 2
        samples.append(_sample(60 * number, requests, calls, spent, used, memory, refused))
    return Evidence(since=BEGIN, until=BEGIN + WEEK, samples=tuple(samples))


def _sample(
    at: int,
    requests: int,
    calls: int,
    ms: float,
    cpu_s: float,
    memory: float,
    refused: tuple[int, ...],
) -> Sample:
    return Sample(
        at=BEGIN + at,
        boot="b",
        cores=2,
        cpu_s=cpu_s,
        memory_mib=memory * 10,
        total_mib=1000,
        requests=requests,
        page_ms=12.0,
        refused=refused,
        queries=(calls, ms),
    )
