"""A picture of measured values: groups of bars on one axis, as plain SVG with a ground of its own.

A thin line on each bar goes from the least to the most of all runs; a shaded range is what a text
book or an aim says. The last lines say when and on which machine.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.measures import Measure, shown
from benchmarks.picture import LETTER, STYLE, WIDTH
from planning.costs.chart import text

LEFT, RIGHT = 300, 800
"""Where bars begin, and where the axis ends: the longest value is written behind it."""
ROW, BAR, GAP = 26, 18, 18
COLOURS = ("#3b7dc4", "#b8730a", "#3f7d4f", "#a8435f", "#8a4f9e", "#1d4470", "#5c6b79")


@dataclass(frozen=True)
class Group:
    """Bars that belong together, with what is common to them; each is a measure and its name."""

    title: str
    bars: Sequence[tuple[str, Measure]]


@dataclass(frozen=True)
class Axis:
    """From values to pixels."""

    title: str
    least: float
    most: float
    log: bool = False

    def x(self, value: float) -> float:
        """Where a value is; what is below the axis is at its beginning."""
        if self.log:
            value = max(value, self.least)
            share = math.log(value / self.least) / math.log(self.most / self.least)
        else:
            share = value / self.most
        return round(LEFT + share * (RIGHT - LEFT), 1)

    def ticks(self) -> list[float]:
        """Round values, the ends included."""
        if self.log:
            decades = round(math.log10(self.most / self.least))
            return [self.least * 10**at for at in range(decades + 1)]
        step = _round_step(self.most / 6)
        return [step * at for at in range(round(self.most / step) + 1)]


@dataclass(frozen=True)
class Shade:
    """A range across all bars."""

    low: float
    high: float
    title: str


def draw(
    title: str,
    groups: Sequence[Group],
    axis_title: str,
    where: str,
    *,
    log: bool = False,
    shade: Shade | None = None,
) -> str:
    """The whole file. Bars of one name have one colour in all groups."""
    names = list(dict.fromkeys(name for group in groups for name, _ in group.bars))
    colours = {name: COLOURS[at % len(COLOURS)] for at, name in enumerate(names)}
    values = [value for group in groups for _, one in group.bars for value in one.spread]
    axis = scale(axis_title, [*values, *((shade.low, shade.high) if shade else ())], log=log)
    top, y, rows = 84, 84.0, []
    for group in groups:
        rows.append(text(28, y + 16, group.title, "name"))
        y += 0 if _beside(group) else ROW
        for name, one in group.bars:
            rows.append(_bar(name, one, colours[name], axis, y))
            y += ROW
        y += GAP
    bottom = y - GAP + 6
    notes = textwrap.wrap(
        f"Medians; the thin line is the least to the most. {where}", 125, break_long_words=False
    )
    height = bottom + 54 + 20 * len(notes)
    spoken = "; ".join(
        f"{group.title}, {name} {shown(one.median, one.unit)}"
        for group in groups
        for name, one in group.bars
    )
    return sheet(
        f"{title}: {spoken}",
        height,
        [
            text(28, 36, title, "title"),
            *_shaded(shade, axis, top, bottom),
            *(_tick(value, axis, top, bottom) for value in axis.ticks()),
            *rows,
            text((LEFT + RIGHT) / 2, bottom + 36, axis.title, "middle"),
            *(text(28, bottom + 62 + 20 * at, line) for at, line in enumerate(notes)),
        ],
    )


def sheet(spoken: str, height: float, parts: Sequence[str]) -> str:
    """A picture file of this height around its parts, with what is read aloud in its place."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}"'
            f' width="{WIDTH}" height="{height:g}" role="img">',
            f"<title>{escape(spoken)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:g}" rx="14"'
            ' fill="#fff" stroke="#d5dce3"/>',
            *parts,
            "</svg>\n",
        ]
    )


def scale(title: str, values: Sequence[float], *, log: bool) -> Axis:
    """An axis that begins and ends at round values and holds all of these."""
    most = max(values)
    if log:
        least = 10.0 ** math.floor(math.log10(min(value for value in values if value > 0)))
        top = 10.0 ** math.ceil(math.log10(most))
        return Axis(f"{title}, logarithmic", least, max(top, least * 10), log=True)
    step = _round_step((most or 1) / 6)
    return Axis(title, 0, step * math.ceil((most or 1) / step))


def _beside(group: Group) -> bool:
    """Whether the title has room beside the names, which end where the bars begin."""
    longest = max((len(name) for name, _ in group.bars), default=0)
    return LETTER * (len(group.title) + longest) + 50 < LEFT


def _bar(name: str, one: Measure, colour: str, axis: Axis, y: float) -> str:
    middle = y + ROW / 2
    end, least, most = (axis.x(value) for value in (one.median, *one.spread))
    return "\n".join(
        [
            text(LEFT - 12, middle + 5, name, "end"),
            f'<rect x="{LEFT}" y="{middle - BAR / 2:g}" width="{end - LEFT:g}" height="{BAR}"'
            f' rx="3" fill="{colour}"/>',
            f'<line x1="{least:g}" y1="{middle:g}" x2="{most:g}" y2="{middle:g}"'
            ' stroke="#14202b"/>',
            text(max(end, most) + 8, middle + 5, shown(one.median, one.unit), "name"),
        ]
    )


def _shaded(shade: Shade | None, axis: Axis, top: float, bottom: float) -> list[str]:
    if shade is None:
        return []
    low, high = axis.x(shade.low), axis.x(shade.high)
    return [
        f'<rect class="range" x="{low:g}" y="{top - 6:g}" width="{high - low:g}"'
        f' height="{bottom - top + 6:g}"/>',
        text((low + high) / 2, top - 12, shade.title, "middle"),
    ]


def _tick(value: float, axis: Axis, top: float, bottom: float) -> str:
    x = axis.x(value)
    line = f'<line class="grid" x1="{x:g}" y1="{top - 6:g}" x2="{x:g}" y2="{bottom:g}"/>'
    return f"{line}\n{text(x, bottom + 16, f'{value:,g}', 'middle')}"


def _round_step(rough: float) -> float:
    power: float = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
