#!/usr/bin/python3 -I
"""stop-process PID: stop the processes of a line of shell, as root.

A line such as `a & b & wait` leaves a shell as the unit's main process. A shell hands no signal
on: it ends at its own SIGTERM, and systemd kills at once what it started. So where the main process
is a shell, SIGTERM goes to it and to what it started itself, and this ends when all of them have;
the time for that is the unit's TimeoutStopSec. Where the main process is the server itself, nothing
is done here: systemd's own SIGTERM follows, and the server's children hear nothing.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from pathlib import Path

SHELLS = {"bash", "dash", "sh"}


def is_shell(pid: int) -> bool:
    """Whether a process is a shell, or a script that one reads."""
    try:
        return Path(f"/proc/{pid}/exe").readlink().name in SHELLS
    except OSError:
        return False


def parent(pid: int) -> int:
    """The parent of a process; 0 for one that is gone."""
    try:
        # Behind the name, which may hold anything.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def children() -> dict[int, list[int]]:
    """All processes by their parent."""
    tree: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            tree.setdefault(parent(int(entry.name)), []).append(int(entry.name))
    return tree


def started_by(pid: int, tree: dict[int, list[int]]) -> list[int]:
    """A descriptor of each process that a shell started, and so on where that is one.

    By descriptor, for a number may soon be another process's, whose it is not to end.
    """
    descriptors = []
    for child in tree.get(pid, ()) if is_shell(pid) else ():
        try:
            descriptor = os.pidfd_open(child)
        except ProcessLookupError:
            continue
        if parent(child) == pid:
            descriptors += [descriptor, *started_by(child, tree)]
    return descriptors


def main(arguments: list[str]) -> int:
    """Tell them, and wait for their end."""
    if not arguments or not is_shell(int(arguments[0])):
        return 0
    pid = int(arguments[0])
    # The shell before what it started, or it would go on to its next command.
    processes = [os.pidfd_open(pid), *started_by(pid, children())]
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGTERM)
    for process in processes:
        end = select.poll()
        end.register(process, select.POLLIN)
        end.poll()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
