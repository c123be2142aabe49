"""Whose stack a folder is: two checkouts with a stack of the same name must not share hosts."""

from __future__ import annotations

import shutil
from pathlib import Path

from components.clouds.local.hosts import machine
from components.errors import UserError

CHECKOUT = Path(__file__).resolve().parents[4]


def refuse_foreign(stack: str) -> None:
    """Raise ``UserError`` when the stack's folder on this machine belongs to another checkout.

    A checkout that is no longer there owns nothing: it was moved or deleted.
    """
    owner = (machine.read_json(machine.stack_folder(stack) / "owner.json") or {}).get("checkout")
    if owner and owner != str(CHECKOUT) and Path(owner, "Pulumi.yaml").exists():
        raise UserError(
            f"stack {stack}: should belong to this checkout, got one that {owner} made",
            "Choose another name for the stack here, or use that checkout",
        )


def claim(stack: str) -> Path:
    """Make the stack's folder, or take the one that is ours; returns it."""
    folder = machine.stack_folder(stack)
    with machine.lock():
        refuse_foreign(stack)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        machine.write_json(folder / "owner.json", {"checkout": str(CHECKOUT)})
    return folder


def release(stack: str) -> None:
    """Remove the stack's folder when nothing but our own book-keeping is left in it."""
    folder = machine.stack_folder(stack)
    if not folder.is_dir():
        return
    with machine.lock():  # the engine deletes network and volume side by side
        for empty in (folder / "hosts", folder / "volumes"):
            if empty.is_dir() and not any(empty.iterdir()):
                empty.rmdir()
        if folder.is_dir() and {entry.name for entry in folder.iterdir()} <= {"owner.json"}:
            shutil.rmtree(folder)
