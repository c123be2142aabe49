"""Where the time of coming up goes: a bar for each step from its start to its end, as plain SVG."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.bars import COLOURS, LEFT, RIGHT, ROW, scale, sheet
from benchmarks.measures import Result, shown
from planning.costs.chart import text

TOP, BAR, LINE = 76, 16, 20
SHORT_S = 0.2
"""Steps whose median is shorter are left out."""


@dataclass(frozen=True)
class Step:
    """One bar, in seconds since the command began."""

    title: str
    began_s: float
    took_s: float


def pictures(result: Result) -> Mapping[str, str]:
    """One for each stage that was measured, by name."""
    return {
        f"stages-{stage}": draw(
            f"Stage {stage}: warm `make up`, by step", found, f"Medians. {result.where}"
        )
        for stage in (1, 2)
        if (found := steps(result, stage))
    }


def steps(result: Result, stage: int) -> list[Step]:
    """The steps of a stage by their start; none in a result without it, or from before starts."""
    known = {one.key: one.median for one in result.measures}
    key = f"stage{stage}.up"
    began = f"{key}.series.began."
    if not any(name.startswith(began) for name in known):
        return []
    found = [
        Step(name.removeprefix(began), at, known[f"{key}.step.{name.removeprefix(began)}"])
        for name, at in known.items()
        if name.startswith(began)
    ]
    before, plan, first = (known[f"{key}.{name}"] for name in ("before", "plan", "first"))
    return [
        Step("before the plan", 0, before),
        Step("the plan", before, plan),
        *sorted((one for one in found if one.took_s >= SHORT_S), key=lambda one: one.began_s),
        Step("until the first 200", 0, first),
    ]


def draw(title: str, found: Sequence[Step], note: str) -> str:
    """The whole file; the last bar is the sum of all and has a colour of its own."""
    axis = scale(
        "seconds since the command began", [s.began_s + s.took_s for s in found], log=False
    )
    bottom = TOP + ROW * len(found) + 6
    notes = textwrap.wrap(note, 125, break_long_words=False)
    height = bottom + 54 + LINE * len(notes)
    spoken = "; ".join(f"{one.title} {shown(one.took_s, 's')}" for one in found)
    parts = [text(28, 36, title, "title")]
    for value in axis.ticks():
        x = axis.x(value)
        parts.append(f'<line class="grid" x1="{x:g}" y1="{TOP - 8}" x2="{x:g}" y2="{bottom:g}"/>')
        parts.append(text(x, bottom + 16, f"{value:,g}", "middle"))
    for at, one in enumerate(found):
        middle = TOP + ROW * at + ROW / 2
        low, high = axis.x(one.began_s), axis.x(one.began_s + one.took_s)
        colour = COLOURS[1] if one is found[-1] else COLOURS[0]
        parts += [
            text(LEFT - 12, middle + 5, one.title, "end"),
            f'<rect x="{low:g}" y="{middle - BAR / 2:g}" width="{max(high - low, 1):g}"'
            f' height="{BAR}" rx="3" fill="{colour}"/>',
            text(high + 8, middle + 5, shown(one.took_s, "s"), "name"),
        ]
    parts.append(text((LEFT + RIGHT) / 2, bottom + 36, axis.title, "middle"))
    parts += [text(28, bottom + 62 + LINE * at, line) for at, line in enumerate(notes)]
    return sheet(f"{title}: {spoken}", height, parts)
