"""A picture of the measured values that have an aim: a bar each, as a share of its aim.

The line through all is the aim itself. An aim of nothing has no shares, and no bar. Plain SVG with
a ground of its own, 960 pixels wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from scripts.lib.bench.measures import Measure, Result, shown
from scripts.lib.costs.chart import STYLE, text

WIDTH, LEFT, AIM, MOST = 960, 385, 690, 1.35
"""Where bars begin, where the aim is, and the share at which a bar is cut off."""
TOP, ROW, BAR = 78, 40, 20
MET, MISSED = "#3b7dc4", "#a8435f"


def draw(results: Sequence[Result]) -> str:
    """The whole file."""
    measures = [one for result in results for one in result.measures if one.aim]
    bottom = TOP + ROW * len(measures)
    rows = [_row(one, TOP + ROW * at) for at, one in enumerate(measures)]
    dates = ", ".join(f"{one.benchmark} of {one.date[:10]}" for one in results)
    spoken = "; ".join(f"{one.title.replace('`', '')} {_words(one)}" for one in measures)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 50}"'
            f' width="{WIDTH}" height="{bottom + 50}" role="img">',
            f"<title>Measured values as a share of their aims: {escape(spoken)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{bottom + 49}" rx="14"'
            ' fill="#fff" stroke="#d5dce3"/>',
            text(28, 36, "Measured values as a share of their aims", "title"),
            *rows,
            f'<line x1="{AIM}" y1="{TOP - 10}" x2="{AIM}" y2="{bottom}" stroke="#14202b"'
            ' stroke-dasharray="4 3"/>',
            text(AIM, TOP - 16, "the aim", "middle"),
            text(28, bottom + 28, f"Medians; the thin line is the least to the most. {dates}."),
            "</svg>\n",
        ]
    )


def _row(one: Measure, y: float) -> str:
    middle = y + ROW / 2
    colour = MET if one.met else MISSED
    end, least, most = (_x(one, value) for value in (one.median, *one.spread))
    return "\n".join(
        [
            text(LEFT - 12, middle + 5, one.title.replace("`", ""), "end"),
            f'<rect x="{LEFT}" y="{middle - BAR / 2:g}" width="{end - LEFT:g}" height="{BAR}"'
            f' rx="3" fill="{colour}"/>',
            f'<line x1="{least:g}" y1="{middle:g}" x2="{most:g}" y2="{middle:g}"'
            ' stroke="#14202b"/>',
            text(max(end, most, AIM) + 10, middle + 5, _words(one), "name"),
        ]
    )


def _words(one: Measure) -> str:
    least = "at least " if one.at_least else ""
    return f"{shown(one.median, one.unit)} of {least}{one.aim:g}"


def _x(one: Measure, value: float) -> float:
    return round(LEFT + min(value / (one.aim or 1), MOST) * (AIM - LEFT), 1)
