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
        "`make bench` generates this page. Values are medians; each benchmark ran without a break "
        "on one machine. An aim is an upper or lower limit for a median; missing it fails nothing.",
        f"![Measured values as a share of their aims]({AIMS}.svg)",
    ]
    for result in results:
        parts += [f"## {result.benchmark}", result.where, _table(_worth(result.measures))]
        parts += [f"![{result.benchmark}]({name}.svg)" for name in pictures[result.benchmark]]
        if missed_aims := missed(result.measures):
            parts.append("\n".join(f"- {line}" for line in missed_aims))
    parts.append(
        "Warm means that the host image, the Python packages and the Pulumi CLI exist, but the "
        "stack has never existed. Steps overlap, so they do not add up. The empty program is the "
        "same command in a second clone whose program declares nothing, run right beside it. "
        "Memory is what the kernel counts for a host, less file cache that it could drop. "
        "Estimates exclude the start of an idle interpreter, measured right before each; a growth "
        "of 2 means that each file costs the same."
    )
    parts.append(
        "`make chaos` measures faults: [how long recovery takes](chaos.svg), and what was lost "
        "(chaos.json)."
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
