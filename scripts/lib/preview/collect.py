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
    told = inputs.touched(touched) if touched else {}
    if offline is not None and not told and (offline / inputs.TOUCHED).is_file():
        told = inputs.touched(offline / inputs.TOUCHED)
    read = inputs.documents(documents)
    found: dict[str, Stack] = {}
    for document in read:
        _add(found, document.stacks)
    if previews is not None:
        wanted = [str(name) for name in told["stacks"]] if touched else []
        _add(found, inputs.previews(previews, [n for n in wanted if n not in found], settings))
    if offline is not None:
        _add(found, inputs.offline(offline))
    for name in told.get("untouched", []):
        _add(found, [Stack(name=str(name), source="engine", status="unchanged")])
    for name in told.get("gone", []):
        _add(found, [Stack(name=str(name), source="engine", status="gone")])
    return Document(
        base=str(told.get("base") or next((one.base for one in read if one.base), "")),
        head=str(told.get("head") or next((one.head for one in read if one.head), "")),
        stacks=tuple(found[name] for name in sorted(found)),
    )


def _add(found: dict[str, Stack], stacks: Sequence[Stack]) -> None:
    for stack in stacks:
        found.setdefault(stack.name, stack)
