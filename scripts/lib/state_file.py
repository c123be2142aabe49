"""The state of a stack in the local file backend: decisions without I/O.

The engine writes it and reads it; a file that was cut off, or that another version wrote, is told
here before the engine sees it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from shlex import quote
from typing import Any

from components.errors import UserError

VERSION = 3
"""Of the file's form: every Pulumi from 1.0 to the pinned one writes it."""


def latest(text: str, name: str, stack: str) -> Mapping[str, Any]:
    """Return the deployment that a stack's state file holds: resources, secrets provider and so on.

    Raises ``UserError`` for what is no state, and for the form of another engine.
    """
    try:
        content = json.loads(text)
        version, deployment = content["version"], content["checkpoint"].get("latest")
        if not isinstance(deployment, dict | None):
            raise TypeError
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise UserError(
            f"{name}: should be a state that Pulumi wrote, got {_what(text)}",
            f"Pulumi keeps the one before it: `cp {quote(name + '.bak')} {quote(name)}`, then "
            f"`make refresh STACK={stack}`. Nothing was changed.",
        ) from None
    if version != VERSION:
        raise UserError(
            f"{name}: should be a state of version {VERSION}, got {version!r}",
            "Another Pulumi wrote it: use the checkout that did, or its version of this one. "
            "Nothing was changed.",
        )
    return deployment or {}


def _what(text: str) -> str:
    if not text.strip("\0 \n"):
        return "an empty file"
    return "one that was cut off, or something else"
