"""The document of a preview: all that the comment says, as data that need not be trusted.

A pull request from a fork makes it with its own code; a trusted workflow reads it with ``read`` and
makes the comment. So ``read`` takes nothing on faith: neither size, nor names, nor kinds of values.
Texts are data, never Markdown: ``markdown`` escapes each.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Final, Literal

from components.errors import UserError, invalid
from planning.difference import strict

VERSION: Final = 1
MOST_BYTES: Final = 4 * 1024**2
"""Bytes of a document at most: six stacks made anew take a tenth of it."""

Source = Literal["engine", "offline"]
Status = Literal["new", "changed", "unchanged", "gone", "failed"]
Operation = Literal["create", "update", "replace", "delete"]
Holds = Literal["", "data", "address"]
Level = Literal["mandatory", "advisory"]
Verdict = Literal["", "within", "above", "above before"]


@dataclass(frozen=True, kw_only=True)
class Value:
    """One changed setting or input.

    ``None``: it is not there on that side; on both: it comes from something that changes, and is
    known only then.
    """

    path: str
    before: str | None
    after: str | None
    secret: bool = False
    """It differs, and neither side is shown."""
    diff: tuple[str, ...] = ()
    """Of a text of many lines: those that differ, each with its sign, instead of both sides."""


@dataclass(frozen=True, kw_only=True)
class ChangedResource:
    """One resource that is not as it was."""

    operation: Operation
    type: str
    name: str
    inputs: tuple[Value, ...] = ()
    because: tuple[str, ...] = ()
    """Inputs that force the replacement."""
    holds: Holds = ""
    """What is lost with it."""
    protected: bool = False
    """Whether the engine refuses to delete it."""


@dataclass(frozen=True, kw_only=True)
class CostLine:
    """One line of the bill that is not as it was, in words as ``make cost COMPARE=`` has them."""

    name: str
    before: str
    after: str
    difference: str


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Dollars a month as text, such as ``79.53``; ``None``: there is no stack on that side."""

    before: str | None
    after: str | None
    budget: str | None = None
    verdict: Verdict = ""
    difference: str = ""
    """Such as ``+49.47``; empty where there is only one side."""
    lines: tuple[CostLine, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Downtime:
    """What does not answer, for how long, when, and why (``components/seam/downtime.py``)."""

    what: str
    least_s: int
    most_s: int | None
    """``None``: nobody states one."""
    when: str
    why: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a policy says to the plan."""

    policy: str
    level: Level
    resource: str
    message: str
    remedy: str = ""
    new: bool = True
    """Whether the base did not have it."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What becomes of one stack."""

    name: str
    source: Source
    status: Status
    error: str = ""
    settings: tuple[Value, ...] = ()
    resources: tuple[ChangedResource, ...] = ()
    same: int = 0
    """Resources that stay as they are."""
    cost: Cost | None = None
    downtime: tuple[Downtime, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    """What could not be told, and why."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A whole preview."""

    base: str
    """Commit that the change starts from; empty where an engine compared with what is there."""
    head: str
    stacks: tuple[Stack, ...]
    version: int = VERSION


LIMITS: Final = strict.Limits(
    text=20_000,
    items=3_000,
    patterns={
        ("Stack", "name"): r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}",
        ("Document", "base"): r"(?:[0-9a-f]{7,40})?",
        ("Document", "head"): r"(?:[0-9a-f]{7,40})?",
        ("Cost", "before"): strict.MONEY,
        ("Cost", "after"): strict.MONEY,
        ("Cost", "budget"): strict.MONEY,
    },
)


def write(document: Document) -> str:
    """The document as JSON that ends with a newline."""
    return json.dumps(dataclasses.asdict(document), indent=1, ensure_ascii=False) + "\n"


def read(text: str | bytes) -> Document:
    """Read what ``write`` made; raises ``UserError`` for anything else."""
    parsed = strict.parse(text, "preview document", MOST_BYTES)
    if not isinstance(parsed, dict) or parsed.get("version") != VERSION:
        got = parsed.get("version") if isinstance(parsed, dict) else type(parsed).__name__
        raise invalid("preview document: version", str(VERSION), strict.shown(got))
    document = strict.build(Document, parsed, "preview document", LIMITS)
    names = [stack.name for stack in document.stacks]
    for name in names:
        if names.count(name) > 1:
            raise UserError(
                f"preview document: stacks: should name each stack once, got {name} twice"
            )
    return document
