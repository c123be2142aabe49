"""A control group of its own for every host, made and removed from outside.

Without one, ``systemd-nspawn --keep-unit`` puts all hosts into the caller's group: their services
share one ``cgroup.procs`` and stops get lost. Used where systemd does not run the machine; where
it does, the host is a transient unit and systemd makes the group.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from components.clouds.local.hosts import machine

MOUNTS = Path("/sys/fs/cgroup")


def folders(key: str) -> list[Path]:
    """Where a process must be written before it becomes systemd-nspawn.

    On a hybrid machine: the v2 tree, systemd's own v1 tree, and the v1 memory controller for the
    size of the whole host. On a v2 machine: the one tree.
    """
    name = f"stages-{key}"
    if (MOUNTS / "cgroup.controllers").exists():
        return [MOUNTS / name]
    trees = (MOUNTS / "unified", MOUNTS / "systemd", MOUNTS / "memory")
    return [tree / name for tree in trees if (tree / "cgroup.procs").exists()]


def make(key: str, memory_mib: int) -> list[Path]:
    """Make the host's groups with its memory limit and return the files to write a pid into."""
    limit = str(memory_mib * 1024 * 1024)
    for folder in folders(key):
        _offer_controllers(folder.parent)
        folder.mkdir(exist_ok=True)
        for file in (folder / "memory.max", folder / "memory.limit_in_bytes"):
            if file.exists():
                file.write_text(limit)
    return [folder / "cgroup.procs" for folder in folders(key)]


def remove(key: str) -> None:
    """Remove the host's groups; its processes have ended, the kernel may need a moment."""
    for folder in folders(key):
        if folder.exists():
            machine.wait_until(f"{folder} should be empty", 60, partial(_remove, folder))


def kill(key: str) -> None:
    """Kill every process of the host at once, its supervisor included."""
    for folder in folders(key):
        switch = folder / "cgroup.kill"
        if switch.exists():
            switch.write_text("1")


def pids(key: str) -> set[int]:
    """Every process of the host, by the machine's ids."""
    ids: set[int] = set()
    for folder in folders(key)[:1]:
        for file in folder.rglob("cgroup.procs"):
            ids.update(int(pid) for pid in file.read_text().split())
    return ids


def _remove(folder: Path) -> bool:
    """Remove the tree from the leaves up; false while something still runs in it."""
    try:
        for inner, _, _ in os.walk(folder, topdown=False):
            Path(inner).rmdir()
    except OSError:
        return not folder.exists()
    return True


def _offer_controllers(parent: Path) -> None:
    """On a v2 tree without systemd, give children the controllers that limits need."""
    control = parent / "cgroup.subtree_control"
    if not control.exists():
        return
    offered = set((parent / "cgroup.controllers").read_text().split())
    for controller in offered & {"memory", "cpu", "pids"}:
        control.write_text(f"+{controller}")
