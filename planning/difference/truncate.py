"""Makes a text of parts that is never longer than allowed: long parts are folded, then cut.

A part is a list of units, each whole Markdown by itself, so that a cut leaves no open block. What
is cut first is what is longest: every part may have the same number of characters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

FOLDED_UNITS: Final = 8
FOLDED_CHARACTERS: Final = 1500
"""A part that is longer is folded."""
LEAST: Final = 300
"""Characters that every part may have, as long as there is room for a section at all."""


@dataclass(frozen=True)
class Part:
    """Some units below a line that says what they are."""

    title: str
    """Safe in HTML and in Markdown; empty for none."""
    units: Sequence[str]
    always_folded: bool = False

    @property
    def is_folded(self) -> bool:
        """Whether it is behind a click."""
        return bool(self.title) and (
            self.always_folded
            or len(self.units) > FOLDED_UNITS
            or sum(map(len, self.units)) > FOLDED_CHARACTERS
        )


@dataclass(frozen=True)
class Section:
    """Parts below a heading."""

    heading: str
    parts: Sequence[Part]


def fit(sections: Sequence[Section], ending: str, limit: int) -> str:
    """The sections and the ending, as a text of at most ``limit`` characters.

    The first section and the ending are always there.
    """
    whole = _text(sections, ending, limit)
    if len(whole) <= limit:
        return whole
    count = _most(
        lambda count: len(_text(sections[:count], ending, LEAST, len(sections))) <= limit,
        1,
        len(sections),
    )
    cap = _most(
        lambda size: len(_text(sections[:count], ending, size, len(sections))) <= limit,
        LEAST,
        limit,
    )
    return _text(sections[:count], ending, cap, len(sections))


def _most(fits: Callable[[int], bool], low: int, high: int) -> int:
    """The greatest number that fits, at least the lowest."""
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _text(sections: Sequence[Section], ending: str, cap: int, of: int = 0) -> str:
    blocks = []
    for section in sections:
        blocks += [section.heading] if section.heading else []
        blocks += [_part(part, cap) for part in section.parts if part.units]
    if of > len(sections):
        blocks.append(f"**Cut here: {of - len(sections)} more stacks do not fit into a comment.**")
    return "\n\n".join([*blocks, ending]) + "\n"


def _part(part: Part, cap: int) -> str:
    units: list[str] = []
    length = 0
    for unit in part.units:
        length += len(unit) + 1
        if length > cap:
            break
        units.append(unit)
    rest = len(part.units) - len(units)
    if rest:
        units.append(
            f"- *Cut here: {rest} more {'entries do' if rest > 1 else 'entry does'} not fit.*"
        )
    text = "\n".join(units)
    if part.is_folded:
        return f"<details><summary>{part.title}</summary>\n\n{text}\n\n</details>"
    return f"{part.title}\n\n{text}" if part.title else text
