"""A picture of what stacks cost: a bar a stack, stacked by kind of cost, as plain SVG.

It has a ground of its own, so that it reads the same on a light and on a dark page. Coordinates are
pixels of a canvas 440 wide: on a phone of 360 its letters are still 11 high. No date and no clock:
the same estimates give the same bytes.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape

from components.seam.costs import Line
from planning.costs.estimate import EXPECTED, Estimate, Range, money, sources, total

WIDTH = 440
LEFT, RIGHT = 20, 420
"""Between them is all that is drawn."""
LETTER = 8.2
"""Width of a letter, generously: an amount has room at the end of its bar."""
NAME_LETTERS = 44
"""That a stack's name has room for."""
LETTERS = 60
"""That a line of small text holds."""
ROW, BAR = 64, 24
BELOW_NAME = 26
"""From the top of a row, where the stack's name is, to its bar."""
INSIDE_FROM = 42
"""A segment that is narrower has no amount written into it."""

STYLE = """
text { font: 14px system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
  fill: #45525f; }
.title { font-size: 16px; font-weight: 600; fill: #14202b; }
.name, .sum { font-weight: 600; fill: #14202b; }
.sum { paint-order: stroke; stroke: #fff; stroke-width: 3px; }
.small { font-size: 13px; }
.middle { text-anchor: middle; }
.on { font-size: 13px; fill: #fff; text-anchor: middle; }
.grid { stroke: #e3e8ed; }
.range { fill: #eef2f5; stroke: #b9c4ce; stroke-dasharray: 4 3; }
"""


@dataclass(frozen=True)
class Category:
    """One colour, and which lines have it."""

    title: str
    colour: str
    holds: Callable[[Line], bool]


CATEGORIES = (
    Category("server", "#3b7dc4", lambda line: (line.part, line.kind) == ("server", "compute")),
    Category("database", "#1d4470", lambda line: (line.part, line.kind) == ("database", "compute")),
    Category("disks", "#b8730a", lambda line: line.kind == "disk"),
    Category("public address", "#5c6b79", lambda line: line.kind == "address"),
    Category("backups", "#3f7d4f", lambda line: line.kind == "backup"),
    Category("traffic", "#8a4f9e", lambda line: line.kind == "traffic"),
    Category("alarms, logs, keys", "#a8435f", lambda line: line.kind == "watching"),
)


@dataclass(frozen=True)
class Scale:
    """From dollars to pixels."""

    per_usd: float

    def x(self, usd: Decimal) -> float:
        """Where an amount is."""
        return round(LEFT + float(usd) * self.per_usd, 2)


def draw(estimates: Sequence[Estimate]) -> str:
    """The whole file."""
    scale = _scale(estimates)
    used = [
        category
        for category in CATEGORIES
        if any(_share(estimate, category) for estimate in estimates)
    ]
    legend, top = _legend(used)
    bottom = top + ROW * len(estimates)
    most = Decimal((RIGHT - LEFT) / scale.per_usd)
    step = _step(most)
    ticks = [step * at for at in range(int(most // step) + 1)]
    parts = [
        text(LEFT, 34, "What the stages cost a month, in dollars", "title"),
        *legend,
        *(_tick(Decimal(tick), scale, top, bottom) for tick in ticks),
    ]
    for at, estimate in enumerate(estimates):
        parts += _bar(estimate, top + ROW * at, scale)
    captions = [line for words in _captions(estimates) for line in textwrap.wrap(words, LETTERS)]
    parts += [
        text(LEFT, bottom + 46 + 19 * at, words, "small") for at, words in enumerate(captions)
    ]
    return _file(bottom + 48 + 19 * len(captions), estimates, parts)


def _scale(estimates: Sequence[Estimate]) -> Scale:
    """The largest at which every bar with its amount, and every expected range, has room."""
    room = RIGHT - LEFT
    fits = [room / 10]
    for estimate in estimates:
        expected = _range(estimate)
        if expected:
            fits.append(room / float(expected.high))
        if estimate.total:
            fits.append((room - 8 - LETTER * len(_sum(estimate))) / float(estimate.total))
    return Scale(min(fits))


def _file(height: float, estimates: Sequence[Estimate], parts: Sequence[str]) -> str:
    spoken = "; ".join(
        f"{estimate.stack} {estimate.least}${money(estimate.total)}" for estimate in estimates
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}"'
            f' width="{WIDTH}" height="{height:g}" role="img">',
            f"<title>What the stages cost a month: {escape(spoken)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:g}" rx="10"'
            ' fill="#fff" stroke="#d5dce3"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _captions(estimates: Sequence[Estimate]) -> list[str]:
    """What the bars leave out, and how old and how sure the prices are."""
    left_out = "Without taxes and what depends on use (traffic, backups beyond the free part)."
    lines = [line for estimate in estimates for line in estimate.lines]
    return [left_out, *([sources(lines).rest()] if lines else [])]


def _legend(used: Sequence[Category]) -> tuple[list[str], float]:
    """The colours and what they mean, and where the bars begin below them."""
    x, y, parts = float(LEFT), 50.0, []
    for title, box in [
        *(
            (category.title, f'width="14" height="14" rx="3" fill="{category.colour}"')
            for category in used
        ),
        ("expected for the stage", 'class="range" width="26" height="14" rx="3"'),
    ]:
        words = (32 if "range" in box else 20) + 7.2 * len(title)
        if x > LEFT and x + words > RIGHT:
            x, y = float(LEFT), y + 22
        parts.append(f'<rect x="{x:g}" y="{y:g}" {box}/>')
        parts.append(text(x + (32 if "range" in box else 20), y + 12, title, "small"))
        x = round(x + words + 14, 2)
    return parts, y + 28


def _tick(usd: Decimal, scale: Scale, top: float, bottom: float) -> str:
    x = scale.x(usd)
    line = f'<line class="grid" x1="{x:g}" y1="{top:g}" x2="{x:g}" y2="{bottom:g}"/>'
    return f"{line}\n{text(x, bottom + 18, f'${usd}', 'small middle')}"


def _bar(estimate: Estimate, top: float, scale: Scale) -> list[str]:
    """The name of a stack, below it its bar, and the amount at the end of that."""
    y = top + BELOW_NAME
    parts = [text(LEFT, top + 17, _cut(estimate.stack), "name")]
    expected = _range(estimate)
    if expected:
        low, high = scale.x(expected.low), scale.x(expected.high)
        parts.append(
            f'<rect class="range" x="{low:g}" y="{y - 4:g}" width="{round(high - low, 2):g}"'
            f' height="{BAR + 8}" rx="5"/>'
        )
    spent = Decimal(0)
    for category in CATEGORIES:
        share = _share(estimate, category)
        if share:
            parts.append(_segment(category, spent, share, y, scale))
            spent += share
    x = scale.x(spent) + (8 if spent else 0)
    return [
        *parts,
        text(x, y + BAR / 2 + 5, _sum(estimate), "sum" if estimate.lines or estimate.least else ""),
    ]


def _cut(name: str) -> str:
    """A name, as much of it as there is room for."""
    return name if len(name) <= NAME_LETTERS else f"{name[: NAME_LETTERS - 1]}…"


def _sum(estimate: Estimate) -> str:
    if not estimate.lines and not estimate.least:
        return "nothing: it runs on your own machine"
    return ("≥ " if estimate.least else "") + f"${money(estimate.total)}"


def _segment(category: Category, before: Decimal, usd: Decimal, y: float, scale: Scale) -> str:
    x, end = scale.x(before), scale.x(before + usd)
    box = (
        f'<rect x="{x:g}" y="{y:g}" width="{round(end - x, 2):g}" height="{BAR}"'
        f' fill="{category.colour}" stroke="#fff"/>'
    )
    if end - x < INSIDE_FROM:
        return box
    return f"{box}\n{text((x + end) / 2, y + BAR / 2 + 5, money(usd), 'on')}"


def _range(estimate: Estimate) -> Range | None:
    """What is expected of the stack as a whole; nothing of one that costs nothing."""
    if not estimate.lines:
        return None
    whole = [range_ for _, range_, part in EXPECTED.get(estimate.stage or 0, ()) if not part]
    return whole[0] if whole else None


def _share(estimate: Estimate, category: Category) -> Decimal:
    return total(line for line in estimate.lines if category.holds(line))


def _step(most: Decimal) -> int:
    """A round distance that makes about five ticks."""
    rough = float(most) / 5
    power = 10 ** math.floor(math.log10(rough))
    return int(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough))


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """One line of text; its baseline is at ``y``."""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{round(x, 2):g}" y="{y:g}">{escape(words)}</text>'
