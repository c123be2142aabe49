"""Mends a stack after a run that was killed: its lock, its provider, its pending operations."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from components.errors import UserError
from scripts.lib.checkout import Checkout
from scripts.lib.locks import Lock, Process, Verdict, judge, parse, refusal

TERM_S = 10.0
"""How long a provider may take to end itself before it is killed."""

ALONE_S = 5.0
"""How long the engine of a killed run may take to notice that it is alone."""


@dataclass(frozen=True)
class Recovery:
    """What has to be done before the engine may run."""

    dead: tuple[Lock, ...]
    pending: int
    """Operations that a killed run began and never recorded the end of."""


def look(checkout: Checkout, stack: str) -> Recovery:
    """Read locks and pending operations; change nothing.

    Raises ``UserError`` (exit code 4) for a lock that a living process or another machine holds.
    """
    dead = []
    for file in sorted(checkout.lock_folder(stack).glob("*.json")):
        try:
            lock = parse(file.read_text())
        except FileNotFoundError:
            continue  # let go between the listing and the reading
        except ValueError:
            written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            lock = Lock(0, "unknown", socket.gethostname(), written)
        verdict = judge(lock, socket.gethostname(), process(lock.pid))
        if verdict is not Verdict.DEAD:
            raise refusal(stack, lock, verdict)
        dead.append(lock)
    pending = checkout.latest_state(stack).get("pending_operations") or []
    return Recovery(tuple(dead), len(pending))


def look_again(checkout: Checkout, stack: str) -> Recovery:
    """The same for a lock that came after the first look; its holder is given a while to end."""
    patience = time.monotonic() + ALONE_S
    while True:
        try:
            return look(checkout, stack)
        except UserError:
            if time.monotonic() > patience:
                raise
        time.sleep(0.2)


def end_providers(checkout: Checkout, say: Callable[[str], None]) -> None:
    """End the providers whose run is dead; forget those that are gone themselves.

    A run that was killed, or interrupted twice, leaves its provider behind in the middle of a
    step: it must not go on making things while the next run looks at what is there.
    """
    for note in sorted(checkout.providers.glob("*")):
        pid = int(note.name) if note.name.isdigit() else 0
        try:
            owner = int(note.read_text())
        except (OSError, ValueError):
            owner = 0
        if not _is_provider(pid):
            note.unlink(missing_ok=True)
        elif (running := process(owner)) is None or running.name != "pulumi":
            say(f"Ending process {pid}, which the killed run {owner} left behind.")
            _end(pid)
            note.unlink(missing_ok=True)


def process(pid: int) -> Process | None:
    """Return a process by its id; ``None`` if there is no such process (or only its corpse)."""
    try:
        head, _, tail = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
        stat = tail.split()
        boot = next(
            int(line.split()[1])
            for line in Path("/proc/stat").read_text().splitlines()
            if line.startswith("btime ")
        )
    except (OSError, StopIteration):
        return None
    if stat[0] in {"Z", "X"}:
        return None
    started = datetime.fromtimestamp(boot + int(stat[19]) / os.sysconf("SC_CLK_TCK"), UTC)
    return Process(head.partition("(")[2], started)


def _is_provider(pid: int) -> bool:
    """Whether this process is a provider of dynamic resources: ids are used again."""
    try:
        return b"pulumi.dynamic" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def _end(pid: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        until = time.monotonic() + TERM_S
        while time.monotonic() < until:
            if process(pid) is None:
                return
            time.sleep(0.05)
