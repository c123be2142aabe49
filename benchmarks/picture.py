"""A picture of the measured values that have an aim: a bar each, as a share of its aim.

The line through all is the aim itself. An aim of nothing has no shares, and no bar. Plain SVG with
a ground of its own, 960 pixels wide.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape

from benchmarks.measures import Measure, Result, shown
from planning.costs.chart import text

LETTER = 8.2
"""Width of a bold letter, generously; names decide where the bars begin."""

STYLE = """
text { font: 13px system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
  fill: #45525f; }
.title { font-size: 16px; font-weight: 600; fill: #14202b; }
.name, .sum { font-weight: 600; fill: #14202b; }
.end { text-anchor: end; }
.middle { text-anchor: middle; }
.on { fill: #fff; text-anchor: middle; }
.grid { stroke: #e3e8ed; }
.range { fill: #eef2f5; stroke: #b9c4ce; stroke-dasharray: 4 3; }
"""

WIDTH, LEFT, AIM, MOST = 960, 350, 620, 1.25
"""Where bars begin, where the aim is, and the share at which a bar is cut off."""
TOP, ROW, BAR = 78, 46, 20
LETTERS, LINE = 42, 15
"""Of a title in one line, and from one line to the next."""
MET, MISSED = "#3b7dc4", "#a8435f"


def draw(results: Sequence[Result]) -> str:
    """The whole file."""
    measures = [one for result in results for one in result.measures if one.aim]
    bottom = TOP + ROW * len(measures)
    rows = [_row(one, TOP + ROW * at) for at, one in enumerate(measures)]
    dates = ", ".join(f"{one.benchmark} of {one.date[:10]}" for one in results)
    notes = textwrap.wrap(f"Medians; the thin line is the least to the most. {dates}.", 120)
    height = bottom + 36 + LINE * len(notes)
    spoken = "; ".join(f"{one.title.replace('`', '')} {_words(one)}" for one in measures)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' width="{WIDTH}" height="{height}" role="img">',
            f"<title>Measured values as a share of their aims: {escape(spoken)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="14"'
            ' fill="#fff" stroke="#d5dce3"/>',
            text(28, 36, "Measured values as a share of their aims", "title"),
            *rows,
            f'<line x1="{AIM}" y1="{TOP - 10}" x2="{AIM}" y2="{bottom}" stroke="#14202b"'
            ' stroke-dasharray="4 3"/>',
            text(AIM, TOP - 16, "the aim", "middle"),
            *(text(28, bottom + 28 + LINE * at, line) for at, line in enumerate(notes)),
            "</svg>\n",
        ]
    )


def _row(one: Measure, y: float) -> str:
    middle = y + ROW / 2
    colour = MET if one.met else MISSED
    end, least, most = (_x(one, value) for value in (one.median, *one.spread))
    return "\n".join(
        [
            *_title(one, middle),
            f'<rect x="{LEFT}" y="{middle - BAR / 2:g}" width="{end - LEFT:g}" height="{BAR}"'
            f' rx="3" fill="{colour}"/>',
            f'<line x1="{least:g}" y1="{middle:g}" x2="{most:g}" y2="{middle:g}"'
            ' stroke="#14202b"/>',
            text(max(end, most, AIM) + 10, middle + 5, _words(one), "name"),
        ]
    )


def _title(one: Measure, middle: float) -> list[str]:
    lines = textwrap.wrap(one.title.replace("`", ""), LETTERS)
    first = middle + 5 - LINE * (len(lines) - 1) / 2
    return [text(LEFT - 12, first + LINE * at, line, "end") for at, line in enumerate(lines)]


def _words(one: Measure) -> str:
    least = "at least " if one.at_least else ""
    return f"{shown(one.median, one.unit)} of {least}{one.aim:g}"


def _x(one: Measure, value: float) -> float:
    return round(LEFT + min(value / (one.aim or 1), MOST) * (AIM - LEFT), 1)
