"""Previews of changed settings for tests: real offline plans of this checkout's stacks."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from components.errors import UserError
from planning.difference import assemble
from planning.difference.assemble import Side
from planning.difference.document import Document, Stack
from tests.support.planned import planned, stack_values

BASE, HEAD = "1" * 40, "2" * 40
Settings = Mapping[str, Any]


def side(stack: str, **more: object) -> Side:
    """A stack with further settings at one revision; what is wrong with them is its error."""
    return _of_file(stack) if not more else _side(stack, more)


@functools.cache
def _of_file(stack: str) -> Side:
    return _side(stack, {})


def _side(stack: str, more: Settings) -> Side:
    values = {
        **stack_values(stack),
        **{key.replace("__", "."): value for key, value in more.items()},
    }
    try:
        return Side(plan=planned(stack, values).document(), settings=values)
    except UserError as error:
        return Side(settings=values, error=str(error))


def changed(stack: str, before: Settings | None = None, **after: object) -> Stack:
    """A stack whose settings change: from the file with ``before`` to the file with ``after``."""
    return assemble.compare_plans(stack, side(stack, **(before or {})), side(stack, **after))


def document(*stacks: Stack) -> Document:
    """A preview of these stacks."""
    return Document(base=BASE, head=HEAD, stacks=stacks)
