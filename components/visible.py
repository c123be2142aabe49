"""Foreign text before a terminal: every character is seen, and none does anything.

Text from a host, a cloud or a repository may hold what a terminal obeys (escape sequences), what
turns the order of the letters (bidirectional controls), or what a workflow of GitHub takes for a
command (``::error::``). What prints passes it through here: the console (``display.Screen``), each
``UserError``, and the engine's log. For GitHub's Markdown: ``planning/difference/escape.py``.

A name may also hold whole lines, which would look like ours. What a server says or answers is in
one line from where it comes in (``components/remote/session.py``, ``scripts/lib/app_server.py``,
``backups.py`` and ``status.py``), and so is each question (``scripts/lib/confirm.py``).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

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


def one_line(text: str) -> str:
    """The same in one line, with single spaces: many would wrap to a line of their own."""
    return visible(" ".join(text.split()))


def in_one_line(value: Any) -> Any:
    """A JSON value, with each of its texts and keys in one line."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, Mapping):
        return {in_one_line(key): in_one_line(item) for key, item in value.items()}
    return [*map(in_one_line, value)] if isinstance(value, (list, tuple)) else value


def visible_json(value: Any, *, indent: int | None = 2, sort_keys: bool = False) -> str:
    """JSON for standard output. It escapes what a terminal obeys, but not GitHub's ``##[``."""
    text = json.dumps(value, indent=indent, sort_keys=sort_keys)
    return text.replace("##[", "\\u0023#[")


def seen(char: str) -> str:
    """One character, or its number where it cannot be seen."""
    return char if unicodedata.category(char) not in HIDDEN else f"\\u{{{ord(char):x}}}"
