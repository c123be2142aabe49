"""Processes of the machine, told apart by id and start time: an id alone may have a new owner."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """One process, for as long as the machine runs."""

    pid: int
    started: int
    """Clock ticks since the machine's boot (field 22 of ``/proc/<pid>/stat``)."""


def find(pid: int) -> Process | None:
    """The process that has this id now; ``None`` for none and for one that has ended (a zombie)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(")") + 2 :].split()  # the name in brackets may hold spaces
    return None if fields[0] in "ZXx" else Process(pid, int(fields[19]))


def boot_id() -> str:
    """Tells this boot of the machine from every other one: ids of processes count in it only."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def alive(process: Process | None) -> bool:
    return process is not None and find(process.pid) == process


def kill(process: Process | None, number: int) -> None:
    """Send a signal, unless the process has ended."""
    if process is not None and alive(process):
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return


def inits_on(upper: Path) -> list[Process]:
    """First processes of containers whose root is an overlay with this upper directory.

    Finds a host whatever became of its supervisor, and before anyone wrote its leader down.
    """
    inits = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _is_init(int(entry.name)) and _root_is(entry, upper):
            process = find(int(entry.name))
            if process is not None:
                inits.append(process)
    return inits


def end(process: Process | None) -> None:
    """Kill at once. Of a container's first process: the kernel ends all others with it."""
    kill(process, signal.SIGKILL)


def _is_init(pid: int) -> bool:
    """Whether the process is number 1 of a pid namespace below the machine's."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return False
    ids = next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])
    return len(ids) > 1 and ids[-1] == "1"


def _root_is(entry: Path, upper: Path) -> bool:
    try:
        mounts = (entry / "mountinfo").read_text().splitlines()
    except OSError:
        return False
    wanted = f"upperdir={upper}"
    for line in mounts:
        fields = line.split()
        if fields[4] == "/" and wanted in fields[-1].split(","):
            return True
    return False
