"""The encryption salt of a stack in the local file backend, kept out of git: decisions without I/O.

The engine encrypts secrets with the passphrase and a salt. It wants the salt in the stack's
settings file (``encryptionsalt:``), which is committed here, while passphrase and salt belong to
one checkout alone. So the commands put the salt of the stack's state on the file's first line
themselves (the engine would rewrite the whole file, comments and blank lines included), and tell
this clone's git, in ``.git/config`` and ``.git/info/attributes``, to leave that line out of what
it reads and to put it back into what it checks out (a clean and a smudge filter).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

FILTER = "stages-salt"
CLEAN = "sed -e /^encryptionsalt:/d"
SMUDGE = "cat .stages/salt/%f - 2>/dev/null || cat"
"""``%f`` is the file's path from the top of the working tree, where git runs filters."""
_LINE = re.compile(r"^encryptionsalt:[ \t]*(\S*).*\n?", re.MULTILINE)


def salt_of(settings_file: str) -> str:
    """Return the salt in a settings file's text; empty if there is none."""
    match = _LINE.search(settings_file)
    return match.group(1).strip("'\"") if match else ""


def salt_line(salt: str) -> str:
    """Return the line that holds a salt."""
    return f"encryptionsalt: {salt}\n"


def with_salt(settings_file: str, salt: str) -> str:
    """Return the text with this salt on its first line and in no other place.

    Nothing else changes by a byte, so that what git sees is the committed text.
    """
    return salt_line(salt) + _LINE.sub("", settings_file)


def salt_in_state(latest: Mapping[str, Any]) -> str:
    """Return the salt in a stack's state; empty with another secrets provider."""
    provider = latest.get("secrets_providers") or {}
    if provider.get("type") != "passphrase":
        return ""
    return str(provider.get("state", {}).get("salt", ""))


def with_attribute(attributes: str, path: str) -> str:
    """Return the text of ``.git/info/attributes`` with the filter on ``path`` (from the top)."""
    line = f"/{path} filter={FILTER}"
    if line in attributes.splitlines():
        return attributes
    if attributes and not attributes.endswith("\n"):
        attributes += "\n"
    return f"{attributes}{line}\n"
