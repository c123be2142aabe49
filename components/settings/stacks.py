"""The stacks of this checkout: which there are, and their settings as the engine will see them."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from components.errors import UserError
from components.nearest import nearest
from components.settings.problems import shown

PREFIX = "stages:"


def names(folder: Path) -> list[str]:
    """Return the names of all stacks that have a settings file."""
    files = folder.glob("Pulumi.*.yaml")
    return sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files)


def unknown(stack: str, known: Iterable[str]) -> UserError:
    """Return the error for a stack without a settings file: those that exist, and the nearest."""
    every = list(known)
    near = nearest(stack, every)
    hint = f"Did you mean STACK={near[0]}? " if near else ""
    good = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", stack)
    return UserError(
        f"STACK: should be one of {', '.join(every) or '(none yet)'}, got {shown(stack)}",
        f"{hint}A new stack is a new file stacks/Pulumi.{stack}.yaml."
        if good
        else f"{hint}A name has at most 40 letters, digits, - and _.",
    )


def values(file: Path, name: str) -> Mapping[str, object]:
    """Return the stack's ``stages:`` settings without the prefix.

    Encrypted values are ``{secure: ...}``: only the engine can read them. Raises ``UserError`` when
    the file is no settings file.
    """
    text = file.read_bytes()
    if text.startswith(codecs.BOM_UTF8):
        raise UserError(
            f"{name}: should begin with its first line, got a byte order mark",
            f"The engine does not read it. Take it away: perl -pi -e 's/^\\xef\\xbb\\xbf//' {name}",
        )
    try:
        content = yaml.load(text.decode(), Loader=_Once)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        what = getattr(problem, "problem", None) or "it is not text"
        raise UserError(f"{name}{where}: should be YAML, got an error ({what})") from None
    except (ValueError, RecursionError) as problem:  # a date that is none, a number without end
        what = "it is nested too deeply" if isinstance(problem, RecursionError) else problem
        raise UserError(
            f"{name}: should have values that YAML can read, got an error ({what})",
            "Write that value in quotation marks.",
        ) from None
    config = content.get("config") if isinstance(content, dict) else None
    if not isinstance(config, dict):
        raise UserError(
            f"{name}: should have a `config:` map with the stack's settings, got none",
            "stacks/Pulumi.local-stage1.yaml is an example.",
        )
    return {
        str(key).removeprefix(PREFIX): value
        for key, value in config.items()
        if str(key).startswith(PREFIX)
    }


class _Once(yaml.SafeLoader):
    """A safe loader that refuses a key which a map has twice, as the engine's does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse the second of two keys, in its line; Python would take the last one's value."""
        lines: dict[Any, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in lines:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value} is there already, in line {lines[key.value]}: "
                    "remove one of the two",
                    problem_mark=key.start_mark,
                )
            lines[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def with_setting(settings_file: str, key: str, value: str) -> str:
    """Return a settings file's text with one plain setting changed, or added to ``config:``.

    Every other line stays as it is, comments included.
    """
    line = f"{PREFIX}{key}: {json.dumps(value)}"
    name = re.escape(PREFIX + key)
    pattern = re.compile(rf"""^([ ]+)(["']?){name}\2[ ]*:.*$""", re.MULTILINE)
    changed, count = pattern.subn(lambda match: match.group(1) + line, settings_file)
    if count:
        return changed
    return re.sub(
        r"^config:.*$",
        lambda match: f"{match.group(0)}\n  {line}",
        settings_file,
        count=1,
        flags=re.MULTILINE,
    )
