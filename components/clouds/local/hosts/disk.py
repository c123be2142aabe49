"""Disks of the local cloud: sparse files that appear as loop devices of the stated size."""

from __future__ import annotations

from pathlib import Path

from components.clouds.local.hosts import machine
from components.errors import StepFailed, UserError

GIB = 1024**3


def make(file: Path, size_gib: int) -> None:
    """Make a blank disk, or take the one that is there: it is grown if need be, never shrunk."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with machine.lock():
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
    devices = machine.run(["losetup", "-j", str(file), "--noheadings", "--output", "NAME"]).split()
    return devices[0] if devices else None


def device(file: Path) -> str:
    """The loop device that shows this file, made where there is none. Raises ``UserError`` for a
    file that is gone."""
    if not file.exists():
        stack = file.parent.parent.name
        raise UserError(
            f"Volume {file} is gone",
            f"Run `make refresh STACK={stack}`, then `make up STACK={stack}`.",
        )
    with machine.lock():
        return loop(file) or machine.run(["losetup", "--find", "--show", str(file)]).strip()


def release(file: Path) -> None:
    """Take the loop device away; the file stays."""
    with machine.lock():
        shown = loop(file)
        if shown:
            machine.run(["losetup", "--detach", shown])


def format_blank(file: Path) -> None:
    """Make a file system on a disk that has never held anything; one with ext4 stays as it is.

    Raises ``UserError`` for any other content: what it is, is not known here.
    """
    kind = ["blkid", "--probe", "--output", "value", "--match-tag", "TYPE", str(file)]
    known = machine.run(kind, check=False).strip()
    if known == "ext4":
        return
    if known or _written(file):
        raise StepFailed(
            f"{file}: should be blank or hold ext4, got {known or 'something else'}",
            "Nothing was changed: move it away and try again",
        )
    machine.run(["mkfs.ext4", "-q", str(file)])


def grow_file_system(file: Path) -> None:
    """Let ext4 use a disk that has grown. Not mounted: growing it in use needs CAP_SYS_RESOURCE,
    which the machine itself may not have when it is a container or a small virtual machine."""
    release(file)
    machine.run(["e2fsck", "-f", "-p", str(file)], check=False)  # 1 means: mended something
    machine.run(["resize2fs", str(file)])


def _written(file: Path) -> bool:
    """Whether any byte of the disk's first MiB is not zero."""
    with file.open("rb") as handle:
        return any(handle.read(1024**2))
