"""What the trusted side makes of documents that others made: one comment, one issue.

A document of a fork's run was made by the fork's code. It is read strictly, it may tell of offline
plans alone, and what is known for sure (the commit, where the log is) is put in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from components.errors import UserError
from planning.difference import document as documents
from planning.difference.document import Document, Stack
from planning.difference.markdown import markdown
from planning.difference.marker import MARKER
from scripts.lib.github.event import Run
from scripts.lib.github.issue import MARKER as DRIFT_MARKER

FROM_FORK: Final = (
    "<sub>This pull request comes from a fork: its own code made these plans, without credentials."
    " Read the change itself as well.</sub>"
)
SAME: Final = ("unchanged", "new")
"""A stack that was never brought up differs from nothing."""


def merged(files: Iterable[tuple[str, bytes]], head: str, *, fork: bool) -> Document | None:
    """One document of several; ``None``: there is none. Raises ``UserError`` for a bad one.

    What an engine says of a stack is heard before its offline plan.
    """
    stacks: dict[str, Stack] = {}
    base = ""
    for name, text in files:
        try:
            read = documents.read(text)
        except UserError as error:
            raise UserError(f"{name}: {error.problem}", error.remedy) from None
        base = base or read.base
        for stack in read.stacks:
            if fork and stack.source != "offline" and stack.status not in {"unchanged", "gone"}:
                raise UserError(
                    f"{name}: should hold offline plans alone, as it is a fork's, got"
                    f" {stack.source} for {stack.name}"
                )
            if stack.name not in stacks or _says_more(stack, stacks[stack.name]):
                stacks[stack.name] = stack
    if not stacks:
        return None
    ordered = tuple(stacks[name] for name in sorted(stacks))
    return Document(base=base, head=head, stacks=ordered)


def comment(document: Document | None, run: Run, log: str, *, fork: bool) -> str:
    """The comment for a finished run; ``log`` is the address of what it wrote."""
    if document is None:
        return f"{MARKER}\n## Preview: failed\n\n[The log]({log}) says why.\n"
    text = markdown(document).rstrip("\n")
    notes = [FROM_FORK] if fork else []
    if not run.succeeded:
        notes.append(f"<sub>A part of the preview failed: see [its log]({log}).</sub>")
    return "\n\n".join([text, *notes]) + "\n"


def drift(document: Document, log: str) -> str | None:
    """The issue for what a look at the stacks found; ``None``: all is as the settings say."""
    if all(stack.status in {*SAME, "failed"} for stack in document.stacks):
        return None
    text = markdown(document).removeprefix(MARKER).strip("\n")
    return (
        f"{DRIFT_MARKER}\nAn `up` would change these stacks: someone changed a resource by hand,"
        " or a merged change is not deployed yet. Read each line; `make up STACK=...` then applies"
        f" the settings. This issue is updated every night: [the last log]({log}).\n\n"
        f"{text}\n"
    )


def failed(document: Document) -> list[str]:
    """The stacks that could not be looked at."""
    return [stack.name for stack in document.stacks if stack.status == "failed"]


def _says_more(new: Stack, old: Stack) -> bool:
    return new.source == "engine" and old.source == "offline"
