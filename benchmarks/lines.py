"""A picture of values along an axis: lines with their points, as plain SVG on its own ground.

A shaded span along the axis says when something else went on; a dashed line is a limit.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.bars import COLOURS, scale, sheet
from planning.costs.chart import text

LEFT, RIGHT, TOP, BOTTOM = 90, 900, 100, 400
LINE = 20
"""Between lines of text."""


@dataclass(frozen=True)
class Line:
    """One line, by its points."""

    title: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Mark:
    """Something else in the picture, with its name: a span along the axis, or a limit."""

    title: str
    span: tuple[float, float] | None = None
    limit: float | None = None


@dataclass(frozen=True)
class _Frame:
    """From values to pixels."""

    most_x: float
    most_y: float

    def x(self, value: float) -> float:
        return round(LEFT + value / self.most_x * (RIGHT - LEFT), 1)

    def y(self, value: float) -> float:
        return round(BOTTOM - value / self.most_y * (BOTTOM - TOP), 1)


def draw(
    title: str,
    lines: Sequence[Line],
    axes: tuple[str, str],
    where: str,
    marks: Sequence[Mark] = (),
) -> str:
    """The whole file; ``axes`` are the titles of the one along and of the one upwards."""
    limits = [mark.limit for mark in marks if mark.limit is not None]
    along = scale(axes[0], [x for line in lines for x, _ in line.points], log=False)
    upwards = scale(axes[1], [*limits, *(y for line in lines for _, y in line.points)], log=False)
    frame = _Frame(along.most, upwards.most)
    colours = {line.title: COLOURS[at % len(COLOURS)] for at, line in enumerate(lines)}
    notes = textwrap.wrap(where, 125, break_long_words=False)
    height = BOTTOM + 84 + LINE * len(notes)
    return sheet(
        title,
        height,
        [
            text(28, 36, title, "title"),
            *_key(colours),
            *(_mark(mark, frame) for mark in marks if mark.span),
            *(_across(value, frame) for value in upwards.ticks()),
            *(_along(value, frame) for value in along.ticks()),
            *(_mark(mark, frame) for mark in marks if mark.limit is not None),
            *(_line(line, colours[line.title], frame) for line in lines),
            text((LEFT + RIGHT) / 2, BOTTOM + 46, axes[0], "middle"),
            text(28, TOP - 14, axes[1]),
            *(text(28, BOTTOM + 76 + LINE * at, note) for at, note in enumerate(notes)),
        ],
    )


def _key(colours: Mapping[str, str]) -> list[str]:
    parts, x = [], 28.0
    for title, colour in colours.items():
        parts.append(f'<rect x="{x:g}" y="52" width="14" height="14" rx="3" fill="{colour}"/>')
        parts.append(text(x + 20, 64, title))
        x += 44 + 7.4 * len(title)
    return parts


def _mark(mark: Mark, frame: _Frame) -> str:
    if mark.span:
        low, high = (frame.x(value) for value in mark.span)
        return (
            f'<rect class="range" x="{low:g}" y="{TOP}" width="{high - low:g}"'
            f' height="{BOTTOM - TOP}"/>\n{text((low + high) / 2, TOP + 18, mark.title, "middle")}'
        )
    y = frame.y(mark.limit or 0)
    return (
        f'<line x1="{LEFT}" y1="{y:g}" x2="{RIGHT}" y2="{y:g}" stroke="#14202b"'
        f' stroke-dasharray="4 3"/>\n{text(RIGHT, y - 6, mark.title, "end")}'
    )


def _across(value: float, frame: _Frame) -> str:
    y = frame.y(value)
    line = f'<line class="grid" x1="{LEFT}" y1="{y:g}" x2="{RIGHT}" y2="{y:g}"/>'
    return f"{line}\n{text(LEFT - 8, y + 5, f'{value:,g}', 'end')}"


def _along(value: float, frame: _Frame) -> str:
    return text(frame.x(value), BOTTOM + 20, f"{value:,g}", "middle")


def _line(line: Line, colour: str, frame: _Frame) -> str:
    places = [(frame.x(x), frame.y(y)) for x, y in line.points]
    path = " ".join(f"{x:g},{y:g}" for x, y in places)
    dots = "".join(f'<circle cx="{x:g}" cy="{y:g}" r="3.5" fill="{colour}"/>' for x, y in places)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'
