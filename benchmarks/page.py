"""The results as a Markdown page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.measures import Measure, Result, missed, shown

AIMS = "aims"
"""The picture of all results."""
SHORT_S = 0.3
"""Steps whose median is shorter are only in the JSON file."""


def of_results(results: Sequence[Result], pictures: Mapping[str, Iterable[str]]) -> str:
    """The whole page; ``pictures`` are the names of those of each benchmark."""
    parts = [
        "# Benchmarks",
        "Made by `make bench`: medians, each benchmark in one go on one machine. An aim is what a "
        "median should be at most or at least; nothing fails when it is missed.",
        f"![Measured values as a share of their aims]({AIMS}.svg)",
    ]
    for result in results:
        parts += [f"## {result.benchmark}", result.where, _table(_worth(result.measures))]
        parts += [f"![{result.benchmark}]({name}.svg)" for name in pictures[result.benchmark]]
        if missed_aims := missed(result.measures):
            parts.append("\n".join(f"- {line}" for line in missed_aims))
    parts.append(
        "Warm: host image, Python packages and the Pulumi CLI are there; the stack has never been. "
        "Steps overlap, so they do not add up. The empty program is the same command in a second "
        "clone whose program declares nothing, run right beside. Memory: what the kernel counts "
        "for a host, less file cache it would drop. Estimates: without the start of an interpreter "
        "that does nothing, measured right before each; a growth of 2 means that each file costs "
        "the same."
    )
    parts.append(
        "Faults have a picture of their own, by `make chaos`: [times until all is well again]"
        "(chaos.svg), and what was lost (chaos.json)."
    )
    return "\n\n".join(parts) + "\n"


def _worth(measures: Iterable[Measure]) -> list[Measure]:
    """Without short steps, and without the points of lines, which are in the pictures."""
    return [
        measure
        for measure in measures
        if ".series." not in measure.key
        and (".step." not in measure.key or measure.median >= SHORT_S)
    ]


def _table(measures: Iterable[Measure]) -> str:
    rows = ["| | median | least to most | aim | |", "|---|---:|---:|---:|---|"]
    for measure in measures:
        least, most = (shown(value, measure.unit) for value in measure.spread)
        verdict = {None: "", True: "met", False: "**missed**"}[measure.met]
        spread = f"{least} to {most}" if least != most else least
        median = shown(measure.median, measure.unit)
        rows.append(f"| {measure.title} | {median} | {spread} | {measure.wanted} | {verdict} |")
    return "\n".join(rows)
