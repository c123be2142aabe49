"""The Procfile: which commands make up the app.

``web`` is required; ``worker`` and ``release`` are optional. A process type that no unit runs is
refused, so that nobody waits for a ``clock`` that never ticks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.errors import UserError, invalid

TYPES = ("web", "worker", "release")

_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(.*)")


@dataclass(frozen=True, kw_only=True)
class Procfile:
    """The commands of an app, each for a shell; empty: none."""

    web: str
    """Runs once per web process, with ``PORT`` set to where it has to listen on 127.0.0.1."""
    worker: str = ""
    release: str = ""
    """Runs before a release becomes active, for example migrations."""


def parse(text: str) -> Procfile:
    """Read a Procfile: ``name: command`` on each line, ``#`` comments and blank lines aside.

    Raises ``UserError`` naming the line that is wrong.
    """
    commands: dict[str, str] = {}
    # The host reads it by lines as well, and a carriage return would be a part of the command.
    for number, raw in enumerate(text.split("\n"), start=1):
        where = f"Procfile:{number}"
        if raw.endswith("\r"):
            raise UserError(
                f"{where}: should end as lines do on Linux, got the line end of Windows",
                "Write `Procfile text eol=lf` into .gitattributes, `git add .gitattributes`, "
                "`git add --renormalize .`, and commit.",
            )
        line = raw.strip(" \t")
        if not line or line.startswith("#"):
            continue
        if not line.isprintable() or "\N{REPLACEMENT CHARACTER}" in line:
            raise invalid(
                where,
                "printable text in UTF-8",
                line,
                "Save the file as UTF-8 without a byte order mark.",
            )
        match = _LINE.fullmatch(line)
        if match is None or not match[2]:
            raise invalid(where, "`name: command`", line)
        name, command = match[1], match[2]
        if name not in TYPES:
            raise invalid(
                where,
                f"one of {', '.join(TYPES)}",
                name,
                "Take the line out, or run that process from the worker's command.",
            )
        if name in commands:
            raise UserError(f"{where}: should be the only line for {name}, got a second one")
        commands[name] = command
    if "web" not in commands:
        raise UserError(
            "Procfile: should have a `web:` line, got none",
            "For example: web: gunicorn shop.wsgi --bind 127.0.0.1:$PORT",
        )
    return Procfile(**commands)
