"""Reads the folders that previews and plans are handed over in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from components.errors import UserError, invalid
from components.settings import stacks
from planning.difference import assemble, document
from planning.difference.assemble import Side
from planning.difference.document import Document, Stack
from planning.files import read

TOUCHED = "touched.json"
"""In a folder of offline plans: what ``touched`` says of the two revisions."""


def offline(folder: Path) -> list[Stack]:
    """What lies between the plans in ``base`` and ``head`` of a folder."""
    return [assemble.compare_plans(name, *both) for name, both in sides(folder).items()]


def sides(folder: Path) -> dict[str, tuple[Side, Side]]:
    """Both plans of each stack, by its name, in ``base`` and ``head`` of a folder."""
    base, head = folder / "base", folder / "head"
    for side in (base, head):
        if not side.is_dir():
            raise invalid(str(side), "a folder with plans", "none", "`offline` makes it.")
    names = {_stack_of(file) for side in (base, head) for file in side.iterdir()}
    return {name: (_side(base, name), _side(head, name)) for name in sorted(names)}


def previews(folder: Path, wanted: Iterable[str], settings: Path) -> list[Stack]:
    """What engines' previews in a folder say: ``<stack>.json``, and ``<stack>.error``.

    ``wanted`` are further stacks that should have one: where there is none, it failed.
    """
    if not folder.is_dir():
        raise invalid(str(folder), "a folder with previews", "none")
    names = {_stack_of(file) for file in folder.iterdir()} | {*wanted}
    return [_preview(folder, name, settings) for name in sorted(names)]


def touched(file: Path) -> Mapping[str, Any]:
    """What ``touched --json`` printed."""
    content = _json(file)
    if not isinstance(content, dict) or not isinstance(content.get("stacks"), list):
        raise invalid(str(file), "what `touched --json` prints", "something else")
    return content


def documents(files: Iterable[Path]) -> list[Document]:
    """Documents, each of which may come from anyone."""
    parsed = []
    for file in files:
        raw = _bytes(file)
        try:
            parsed.append(document.read(raw))
        except UserError as error:
            raise UserError(f"{file}: {error.problem}", error.remedy) from None
    return parsed


def _preview(folder: Path, name: str, settings: Path) -> Stack:
    error, file = folder / f"{name}.error", folder / f"{name}.json"
    stderr = read(error, str(error)) if error.is_file() else ""
    text = read(file, str(file)) if file.is_file() else ""
    try:
        preview = json.loads(text)
    except ValueError:
        preview = None
    if not isinstance(preview, dict):
        return assemble.failed(name, "engine", stderr or text or "No preview was made.")
    own = settings / f"Pulumi.{name}.yaml"
    values = dict(stacks.values(own, f"stacks/{own.name}")) if own.is_file() else None
    return assemble.read_preview(name, preview, values, stderr)


def _side(folder: Path, name: str) -> Side:
    plan, own = folder / f"{name}.json", folder / f"{name}.settings.json"
    error = folder / f"{name}.error"
    return Side(
        plan=_json(plan) if plan.is_file() else None,
        settings=_json(own) if own.is_file() else None,
        error=read(error, str(error)) if error.is_file() else "",
    )


def _stack_of(file: Path) -> str:
    return file.name.removesuffix(".json").removesuffix(".error").removesuffix(".settings")


def _json(file: Path) -> Any:
    try:
        return json.loads(read(file, str(file)))
    except ValueError as problem:
        raise UserError(f"{file}: should be JSON, got an error ({problem})") from None


def _bytes(file: Path) -> bytes:
    """A file's bytes; no more of it than tells that it is too large."""
    try:
        with file.open("rb") as opened:
            return opened.read(document.MOST_BYTES + 1)
    except OSError as problem:
        raise invalid(str(file), "a readable file", problem.strerror) from None
