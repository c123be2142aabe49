"""The Procfile: which commands make up the app.

``web`` is required; ``release`` runs once a deploy; each other name, such as ``worker`` or
``clock``, is a process of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from components.errors import UserError, invalid

LONGEST_NAME = 40
_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(.*)")


@dataclass(frozen=True, kw_only=True)
class Procfile:
    """The commands of an app, each for a shell; empty: none."""

    web: str
    """Runs once per web process, with ``PORT`` set to where it has to listen on 127.0.0.1."""
    release: str = ""
    """Runs before a release becomes active, for example migrations."""
    workers: Mapping[str, str] = field(default_factory=dict)
    """All others, by name: they have no port."""

    def counts(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """How many of each worker run: ``wanted`` is ``stages:app.processes``, and else one.

        Raises ``UserError`` for a name that is none of theirs.
        """
        for name in wanted:
            if name == "web":
                raise invalid(
                    "stages:app.processes",
                    "without web, which stages:app.web_processes counts",
                    name,
                    "Take it out.",
                )
            if name not in self.workers:
                known = ", ".join(self.workers) or "none, for the Procfile has no other line"
                raise invalid(
                    "stages:app.processes",
                    f"names of the Procfile beside web and release ({known})",
                    name,
                    "Correct the name, or commit a line for it.",
                )
        return {name: wanted.get(name, 1) for name in self.workers}


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
        if len(name) > LONGEST_NAME:
            raise invalid(where, f"a name of at most {LONGEST_NAME} characters", name)
        if name in commands:
            raise UserError(f"{where}: should be the only line for {name}, got a second one")
        commands[name] = command
    if "web" not in commands:
        raise UserError(
            "Procfile: should have a `web:` line, got none",
            "For example: web: gunicorn shop.wsgi --bind 127.0.0.1:$PORT",
        )
    return Procfile(web=commands.pop("web"), release=commands.pop("release", ""), workers=commands)
