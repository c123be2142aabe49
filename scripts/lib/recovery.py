"""Mends a stack after a run that was killed: its lock, its provider, its pending operations."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

from scripts.lib.checkout import Checkout
from scripts.lib.locks import Lock, Process, Verdict, judge, parse, refusal

TERM_S = 10.0
"""How long a provider may take to end itself before it is killed."""

ALONE_S = 3.0
"""How long the engine of a killed run may take to notice that it is alone."""


@dataclass(frozen=True)
class Recovery:
    """What has to be done before the engine may run."""

    dead: tuple[Lock, ...]
    pending: int
    """Operations that a killed run began and never recorded the end of."""


def look(checkout: Checkout, stack: str, patience_s: float = 0) -> Recovery:
    """Read locks and pending operations; change nothing.

    Raises ``UserError`` (exit code 4) for a lock that another machine holds, or a living process
    that does not end in ``patience_s``.
    """
    patience = time.monotonic() + patience_s
    while True:
        dead, held = [], False
        for lock in _locks(checkout, stack):
            verdict = judge(lock, socket.gethostname(), process(lock.pid))
            if verdict is Verdict.DEAD:
                dead.append(lock)
            elif verdict is Verdict.BUSY and time.monotonic() < patience:
                held = True
            else:
                raise refusal(stack, lock, verdict)
        if not held:
            break
        time.sleep(0.2)
    pending = checkout.latest_state(stack).get("pending_operations") or []
    return Recovery(tuple(dead), len(pending))


def _locks(checkout: Checkout, stack: str) -> Iterator[Lock]:
    for file in sorted(checkout.lock_folder(stack).glob("*.json")):
        try:
            yield parse(file.read_text())
        except FileNotFoundError:
            continue  # let go between the listing and the reading
        except ValueError:
            written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            yield Lock(0, "unknown", socket.gethostname(), written)


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
    """Return a process by its id; ``None`` if there is no such process (or only its corpse).

    One that may not be looked at lives, and counts as older than any lock.
    """
    if pid <= 0:  # no process of ours: macOS calls its kernel 0, psutil there finds it alive
        return None
    try:
        running = psutil.Process(pid)
        if running.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
            return None
        return Process(running.name(), datetime.fromtimestamp(running.create_time(), UTC))
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return Process("unknown", datetime.fromtimestamp(0, UTC))


def _is_provider(pid: int) -> bool:
    """Whether this process is a provider of dynamic resources: ids are used again."""
    try:
        return pid > 0 and "pulumi.dynamic" in psutil.Process(pid).cmdline()
    except psutil.Error:
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
