"""Disks of the local cloud: sparse files that appear as loop devices of the stated size."""

from __future__ import annotations

from pathlib import Path

from components.clouds.local import machine

GIB = 1024**3


def make(file: Path, size_gib: int) -> None:
    """Make a blank disk, or take the one that is there: it is grown if need be, never shrunk."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with machine.lock(file.parent):
        if not file.exists():
            file.touch(mode=0o600)
        if file.stat().st_size < size_gib * GIB:
            with file.open("r+b") as handle:
                handle.truncate(size_gib * GIB)
            device = loop(file)
            if device:
                machine.run(["losetup", "--set-capacity", device])


def size_gib(file: Path) -> int:
    return file.stat().st_size // GIB


def loop(file: Path) -> str | None:
    """The loop device that shows this file, if one does."""
    if not file.exists():
        return None
    found = machine.run(["losetup", "-j", str(file), "--noheadings", "--output", "NAME"]).split()
    return found[0] if found else None


def device(file: Path) -> str:
    """The loop device that shows this file, made where there is none."""
    with machine.lock():
        return loop(file) or machine.run(["losetup", "--find", "--show", str(file)]).strip()


def release(file: Path) -> None:
    """Take the loop device away; the file stays."""
    with machine.lock():
        shown = loop(file)
        if shown:
            machine.run(["losetup", "--detach", shown])
