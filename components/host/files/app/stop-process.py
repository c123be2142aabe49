#!/usr/bin/python3 -I
"""stop-process PID: stop the processes of a line of shell, as root.

A line such as `a & b & wait` leaves a shell as the unit's main process. A shell hands no signal
on: it ends at its own SIGTERM, and systemd kills at once what it started. So where the main process
is a shell, SIGTERM goes to it and to what it started itself, and this ends when all of them have;
the time for that is the unit's TimeoutStopSec. Where the main process is the server itself, nothing
is done here: systemd's own SIGTERM follows, and the server's children hear nothing.

`npm run worker` is a shell's parent: it hands the signal to the shell alone, and ends with it. So
what npm and its like started gets SIGTERM from here, once; they end by themselves with that.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from pathlib import Path

SHELLS = {"bash", "dash", "sh"}
RUNNERS = {"npm", "npx", "pnpm", "yarn"}
"""Of scripts in package.json: each calls itself by its name, or is a file of that name."""


def is_shell(pid: int) -> bool:
    """Whether a process is a shell, or a script that one reads."""
    try:
        return Path(f"/proc/{pid}/exe").readlink().name in SHELLS
    except OSError:
        return False


def is_runner(pid: int) -> bool:
    """Whether a process runs a script of package.json, and does nothing else."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    named = words[0].split()[:1] + [Path(word).stem.removesuffix("-cli") for word in words[1:2]]
    return not RUNNERS.isdisjoint(named)


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


def to_stop(pid: int, tree: dict[int, list[int]]) -> list[int]:
    """A descriptor of each process that gets SIGTERM: a shell, before what it started, or it would
    go on to its next command; not a runner, unless it has started nothing yet.

    By descriptor, for a number may soon be another process's, whose it is not to end.
    """
    try:
        itself = os.pidfd_open(pid)
    except ProcessLookupError:
        return []
    passed_on, runs = is_shell(pid) or is_runner(pid), is_runner(pid)
    started: list[int] = []
    for child in tree.get(pid, ()) if passed_on else ():
        below = to_stop(child, tree)
        if parent(child) == pid:
            started += below
    return started if runs and started else [itself, *started]


def main(arguments: list[str]) -> int:
    """Tell them, and wait for their end."""
    pid = int(arguments[0]) if arguments else 0
    if not pid or not (is_shell(pid) or is_runner(pid)):
        return 0
    processes = to_stop(pid, children())
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
