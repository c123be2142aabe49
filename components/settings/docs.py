"""The reference of all settings as Markdown, made from their declarations."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from components.settings.key import Key, keys_of
from components.settings.model import Settings
from components.settings.problems import PREFIX
from components.settings.reading import GROUPS

INTRODUCTION = """\
# Settings

The values of a stack are in `stacks/Pulumi.<stack>.yaml`, under `config:`, a line for each key:
`stages:server.plan: local-4gb`. Edit the file, or run `pulumi config set stages:server.plan
local-4gb -s <stack>`, which writes the same line (after `. .stages/env`, which `make` writes).

For one value of a list or a map write the key in brackets: `pulumi config set --path
'stages:["app.environment"].LOG_LEVEL' info -s <stack>`. With `--secret` a variable is encrypted.

A key that is not in the file has its default. No environment variable overrides a key: those named
`PULUMI_...` choose the state and its passphrase, and `stages:app.environment` is what the app gets.

Quote what should stay text: YAML reads a commit id such as `0012345` or `1234e5` as a number, and
the Pulumi CLI then stores another text.

Wrong values, unknown keys, missing ones and those of another stage are told together, before
anything is made: `path: should be ..., got ...` and what to do, a line each, exit code 2. Values
that may be secret are not repeated.

This page is made by `python -m components.settings > docs/settings.md`; a test compares the two.
"""


def render() -> str:
    """Return the whole page."""
    tables = [_table("stack", "The stack as a whole.", "", keys_of(Settings))]
    for name, group in GROUPS.items():
        tables.append(_table(name, inspect.getdoc(group) or "", f"{name}.", keys_of(group)))
    return "\n".join([INTRODUCTION, *tables])


def _table(title: str, about: str, prefix: str, keys: Mapping[str, Key]) -> str:
    rows = [_row(prefix + name, key) for name, key in keys.items()]
    head = ["| key | meaning | unit | default | allowed |", "|---|---|---|---|---|"]
    return "\n".join([f"## {title}", "", about, "", *head, *rows, ""])


def _row(name: str, key: Key) -> str:
    meaning = key.meaning
    if key.elsewhere:
        meaning += f" Only in stage {', '.join(map(str, key.stages))}: {key.elsewhere}."
    default = "**required**" if key.required else key.by_default
    cells = [f"`{PREFIX}{name}`", meaning, key.unit or "-", default, key.kind.allowed]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
