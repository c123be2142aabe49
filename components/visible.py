"""Foreign text before a terminal: every character is seen, and none does anything.

Text from a host, a cloud or a repository may hold what a terminal obeys (escape sequences), what
turns the order of the letters (bidirectional controls), or what a workflow of GitHub takes for a
command (``::error::``). What prints passes it through here: the console (``display.Screen``), each
``UserError``, and the engine's log. For GitHub's Markdown: ``planning/difference/escape.py``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

HIDDEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
"""Categories of characters that are not seen, or that turn the direction of what is."""
_COMMAND = re.compile(r"^(\s*)::|##\[", re.MULTILINE)
"""What GitHub's runner takes for a command, wherever a line of output begins with it or, in its old
form, holds it."""


def visible(text: str) -> str:
    """The text with each hidden character as its number, ``\\u{1b}``; lines and tabs stay."""
    if not text.isprintable():
        text = "".join(char if char in "\n\t" else seen(char) for char in text)
    return _COMMAND.sub(lambda match: f"{match[1]}: :" if match[1] is not None else "# #[", text)


def seen(char: str) -> str:
    """One character, or its number where it cannot be seen."""
    return char if unicodedata.category(char) not in HIDDEN else f"\\u{{{ord(char):x}}}"
