"""Foreign text in GitHub's Markdown: it is shown as it is, and does nothing.

Three places are safe, and text from a plan goes nowhere else: a code span in backticks, a fenced
block, and a sentence in which every sign that Markdown knows is escaped and nothing is a mention, a
reference or a link. Tables hold only what cannot break them: checked names, numbers, own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from components.visible import seen

LONGEST: Final = 400
"""Characters of a span or a sentence."""
JOINER: Final = "\N{WORD JOINER}"
"""Without width, and no part of a name: with it ``@`` and ``#`` are only signs."""

_MARKUP = re.compile(r"([\\`*_\[\]<#|~&$])")
_LIVELY = re.compile(r"@|\\#|(?=://)|(?<=www)(?=\.)|\bGH-|<!-(?=-)", re.IGNORECASE)
"""What begins a mention, a reference, a link or a comment: a joiner comes behind it."""


def visible(text: str) -> str:
    """One line in which every character is seen: a hidden one is shown by its number."""
    return text if text.isprintable() else "".join(_seen(character) for character in text)


def code(text: str, longest: int = LONGEST) -> str:
    """A code span that ends where it should, whatever the text holds."""
    shown = _cut(_line(text, longest), longest) or " "
    fence = "`" * (_longest_run(shown) + 1)
    stripped = shown[0] == shown[-1] == " " and not shown.isspace()  # by who reads it
    edge = " " if stripped or "`" in (shown[0], shown[-1]) else ""
    return f"{fence}{edge}{shown}{edge}{fence}"


def sentence(text: str, longest: int = LONGEST) -> str:
    """A line of prose without any markup, mention, reference or link."""
    shown = _cut(" ".join(visible(text[: longest + 1]).split()), longest)
    escaped = _MARKUP.sub(r"\\\1", shown)
    return _LIVELY.sub(lambda match: match[0] + JOINER, escaped)


def block(lines: Iterable[str], language: str = "") -> list[str]:
    """A fenced block."""
    shown = [_cut(_line(line, LONGEST), LONGEST) for line in lines]
    fence = "`" * max(3, *(_longest_run(line) + 1 for line in ["", *shown]))
    return [f"{fence}{language}", *shown, fence]


def _line(text: str, longest: int) -> str:
    """One line that opens no comment; no more of it than is shown is looked at."""
    return visible(text[: longest + 1]).replace("<!--", f"<!-{JOINER}-")


def _seen(character: str) -> str:
    if character == "\t":
        return " "
    return " " if character in "\n\r" else seen(character)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
