"""Puts previews, plans and documents of different stacks together into one document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from components.errors import UserError
from planning.difference.document import Document, Stack
from scripts.lib.preview import inputs


def gather(
    *,
    offline: Path | None,
    previews: Path | None,
    touched: Path | None,
    documents: Sequence[Path],
    settings: Path,
) -> Document:
    """Read everything; the first that tells of a stack is heard: documents, previews, plans.

    Raises ``UserError`` for what cannot be read, and where nothing is given.
    """
    if offline is None and previews is None and not documents:
        raise UserError("One of --offline, --previews and --document should be given, got none")
    changed = inputs.touched(touched) if touched else {}
    if offline is not None and not changed and (offline / inputs.TOUCHED).is_file():
        changed = inputs.touched(offline / inputs.TOUCHED)
    read = inputs.documents(documents)
    stacks: dict[str, Stack] = {}
    for document in read:
        _add(stacks, document.stacks)
    if previews is not None:
        wanted = [str(name) for name in changed["stacks"]] if touched else []
        _add(stacks, inputs.previews(previews, [n for n in wanted if n not in stacks], settings))
    if offline is not None:
        _add(stacks, inputs.offline(offline))
    for name in changed.get("untouched", []):
        _add(stacks, [Stack(name=str(name), source="engine", status="unchanged")])
    for name in changed.get("gone", []):
        _add(stacks, [Stack(name=str(name), source="engine", status="gone")])
    return Document(
        base=str(
            changed.get("base") or next((document.base for document in read if document.base), "")
        ),
        head=str(
            changed.get("head") or next((document.head for document in read if document.head), "")
        ),
        stacks=tuple(stacks[name] for name in sorted(stacks)),
    )


def _add(known: dict[str, Stack], stacks: Sequence[Stack]) -> None:
    for stack in stacks:
        known.setdefault(stack.name, stack)
