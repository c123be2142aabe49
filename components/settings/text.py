"""Lines and patterns: the rules that many keys share."""

from __future__ import annotations

import re
import unicodedata

from components.host.characters import has_noncharacters
from components.settings.kinds import Single
from components.settings.problems import Refused, is_private_key

NO_VALUE = "Give it a value or remove the line."

NOT_TEXT = "Write it in quotation marks (with `pulumi config set`: --type string)."
"""YAML reads 012 as 10 and 1e3 as 1000: what is no text any more may not be what was written."""

_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories: control characters, half characters, line and paragraph separators."""


def is_plain(text: str, *, but: str = "") -> bool:
    """Tell whether text has no control characters, besides those in ``but``."""
    return not has_noncharacters(text) and all(
        char in but or unicodedata.category(char) not in _UNPRINTABLE for char in text
    )


def as_text(value: object) -> str:
    """Return text as it is; refuse everything else with what to do about it."""
    if isinstance(value, str):
        return value
    if value is None:
        raise Refused(remedy=NO_VALUE)
    if isinstance(value, list | dict):
        raise Refused(remedy="Give one text.")
    raise Refused(remedy=NOT_TEXT)


def line(value: object) -> str:
    """Return one line of text, stripped at both ends, not empty and without control characters.

    The CLI hands over a line without a value (``stages:region:``) as empty text.
    """
    text = as_text(value).strip()
    if not text:
        raise Refused(remedy=NO_VALUE)
    if not is_plain(text) or is_private_key(text):
        raise ValueError
    return text


def fits(text: str, expression: str, longest: int) -> bool:
    """Tell whether all of the text matches a regular expression of ASCII characters."""
    return len(text) <= longest and re.fullmatch(expression, text, re.ASCII) is not None


def pattern(expression: str, allowed: str, *, longest: int = 255, remedy: str = "") -> Single[str]:
    """A line that matches a regular expression."""

    def convert(value: object) -> str:
        text = line(value)
        if not fits(text, expression, longest):
            raise ValueError
        return text

    return Single(allowed=allowed, convert=convert, remedy=remedy)
