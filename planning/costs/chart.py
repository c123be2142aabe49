"""A picture of what stacks cost: a bar a stack, stacked by kind of cost, as plain SVG.

It has a ground of its own, so that it reads the same on a light and on a dark page. Coordinates are
pixels of a canvas 960 wide. No date and no clock: the same estimates give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape

from components.seam.costs import Line
from planning.costs.estimate import EXPECTED, Estimate, Range, money, sources, total

WIDTH = 960
RIGHT = 850
"""Where the dearest amount ends."""
LETTER = 8.2
"""Width of a bold letter, generously; names decide where the bars begin."""
TOP, ROW, BAR = 118, 52, 26
INSIDE_FROM = 44
"""A segment that is narrower has no amount written into it."""

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

    left: float
    most: Decimal

    def x(self, usd: Decimal) -> float:
        """Where an amount is."""
        return round(self.left + float(usd / self.most) * (RIGHT - self.left), 2)


def draw(all_: Sequence[Estimate]) -> str:
    """The whole file."""
    ranges = [expected for found in all_ for expected in [_range(found)] if expected]
    most = max([Decimal(10), *(found.total for found in all_), *(one.high for one in ranges)])
    longest = max((len(found.stack) for found in all_), default=0)
    scale = Scale(28 + LETTER * longest + 14, most)
    step = _step(most)
    ticks = [step * at for at in range(int(most // step) + 1)]
    bottom = TOP + ROW * len(all_)
    used = [one for one in CATEGORIES if any(_share(found, one) for found in all_)]
    parts = [
        text(28, 36, "What the stages cost a month, in dollars", "title"),
        *_legend(used),
        *(_tick(Decimal(tick), scale, bottom) for tick in ticks),
    ]
    for at, found in enumerate(all_):
        parts += _bar(found, TOP + ROW * at + (ROW - BAR) / 2, scale)
    captions = _captions(all_)
    parts += [text(28, bottom + 50 + 20 * at, words) for at, words in enumerate(captions)]
    return _file(bottom + 52 + 20 * len(captions), all_, parts)


def _file(height: float, all_: Sequence[Estimate], parts: Sequence[str]) -> str:
    spoken = "; ".join(f"{found.stack} {found.least}${money(found.total)}" for found in all_)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}"'
            f' width="{WIDTH}" height="{height:g}" role="img">',
            f"<title>What the stages cost a month: {escape(spoken)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:g}" rx="14"'
            ' fill="#fff" stroke="#d5dce3"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _captions(all_: Sequence[Estimate]) -> list[str]:
    """What the bars leave out, and how old and how sure the prices are."""
    left_out = "Without taxes and what depends on use (traffic, backups beyond the free part)."
    lines = [line for found in all_ for line in found.lines]
    return [left_out, *([sources(lines).rest()] if lines else [])]


def _legend(used: Sequence[Category]) -> list[str]:
    x, parts = 28.0, []
    for one in used:
        parts.append(f'<rect x="{x:g}" y="56" width="14" height="14" rx="3" fill="{one.colour}"/>')
        parts.append(text(x + 20, 68, one.title))
        x += 20 + 7.6 * len(one.title) + 26
    parts.append(f'<rect class="range" x="{x:g}" y="56" width="26" height="14" rx="3"/>')
    parts.append(text(x + 32, 68, "expected for the stage"))
    return parts


def _tick(usd: Decimal, scale: Scale, bottom: float) -> str:
    x = scale.x(usd)
    line = f'<line class="grid" x1="{x:g}" y1="{TOP - 14}" x2="{x:g}" y2="{bottom:g}"/>'
    return f"{line}\n{text(x, bottom + 18, f'${usd}', 'middle')}"


def _bar(found: Estimate, y: float, scale: Scale) -> list[str]:
    parts = [text(scale.left - 14, y + BAR / 2 + 5, found.stack, "name end")]
    expected = _range(found)
    if expected:
        low, high = scale.x(expected.low), scale.x(expected.high)
        parts.append(
            f'<rect class="range" x="{low:g}" y="{y - 7:g}" width="{high - low:g}"'
            f' height="{BAR + 14}" rx="5"/>'
        )
    spent = Decimal(0)
    for one in CATEGORIES:
        share = _share(found, one)
        if share:
            parts.append(_segment(one, spent, share, y, scale))
            spent += share
    words = (
        ("≥ " if found.least else "") + f"${money(spent)}"
        if found.lines
        else "nothing: it runs on your own machine"
    )
    x = max(scale.x(spent), scale.x(expected.high) if expected else 0) + 10
    return [*parts, text(x, y + BAR / 2 + 5, words, "sum" if found.lines else "")]


def _segment(one: Category, before: Decimal, usd: Decimal, y: float, scale: Scale) -> str:
    x, end = scale.x(before), scale.x(before + usd)
    box = (
        f'<rect x="{x:g}" y="{y:g}" width="{round(end - x, 2):g}" height="{BAR}"'
        f' fill="{one.colour}" stroke="#fff"/>'
    )
    if end - x < INSIDE_FROM:
        return box
    return f"{box}\n{text((x + end) / 2, y + BAR / 2 + 5, money(usd), 'on')}"


def _range(found: Estimate) -> Range | None:
    """What is expected of the stack as a whole; nothing of one that costs nothing."""
    if not found.lines:
        return None
    whole = [range_ for _, range_, part in EXPECTED.get(found.stage or 0, ()) if not part]
    return whole[0] if whole else None


def _share(found: Estimate, one: Category) -> Decimal:
    return total(line for line in found.lines if one.holds(line))


def _step(most: Decimal) -> int:
    """A round distance that makes about eight ticks."""
    rough = float(most) / 8
    power = 10 ** math.floor(math.log10(rough))
    return int(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough))


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """One line of text; its baseline is at ``y``."""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{round(x, 2):g}" y="{y:g}">{escape(words)}</text>'
