"""A picture of single values: a strip for each thing that was measured, a point for each time, a
line at the median. Plain SVG; the last lines say when and on which machine."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from benchmarks.bars import COLOURS, LEFT, RIGHT, scale, sheet
from benchmarks.measures import Measure, shown
from planning.costs.chart import text

ROW, TOP = 30, 84
LANES = (0, -5, 5, -2.5, 2.5)
"""Points of one strip lie beside each other, so that equal ones are seen."""


def draw(title: str, groups: Sequence[tuple[str, Sequence[Measure]]], axis: str, note: str) -> str:
    """The whole file; a group is a name and its measures, which have one colour."""
    every = [value for _, measures in groups for one in measures for value in one.values]
    along = scale(axis, every, log=True)
    y, rows = float(TOP), []
    for at, (name, measures) in enumerate(groups):
        rows.append(text(28, y + 16, name, "name"))
        y += ROW
        for one in measures:
            middle, x = y + ROW / 2, along.x(one.median)
            rows.append(text(LEFT - 12, middle + 5, f"{one.title} ({len(one.values)})", "end"))
            rows += [
                f'<circle cx="{along.x(value):g}" cy="{middle + LANES[each % len(LANES)]:g}" r="3"'
                f' fill="{COLOURS[at % len(COLOURS)]}" fill-opacity="0.55"/>'
                for each, value in enumerate(one.values)
            ]
            rows.append(
                f'<line x1="{x:g}" y1="{middle - 11:g}" x2="{x:g}" y2="{middle + 11:g}"'
                ' stroke="#14202b" stroke-width="2"/>'
            )
            most = along.x(max(one.values))
            rows.append(text(most + 12, middle + 5, shown(one.median, one.unit), "name"))
            y += ROW
        y += ROW / 2
    notes = textwrap.wrap(note, 125, break_long_words=False)
    height = y + 60 + 20 * len(notes)
    grid = [
        f'<line class="grid" x1="{along.x(value):g}" y1="{TOP - 6}" x2="{along.x(value):g}"'
        f' y2="{y:g}"/>\n{text(along.x(value), y + 16, f"{value:,g}", "middle")}'
        for value in along.ticks()
    ]
    return sheet(
        title,
        height,
        [
            text(28, 36, title, "title"),
            *grid,
            *rows,
            text((LEFT + RIGHT) / 2, y + 36, along.title, "middle"),
            *(text(28, y + 62 + 20 * at, line) for at, line in enumerate(notes)),
        ],
    )
