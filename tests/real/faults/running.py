"""An ``up`` that is watched line by line, and one that is killed in its middle."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from tests.support.clone import Stack

POINTS = 10
"""An ``up`` is cut into this many pieces of equal length; it is killed somewhere in one of them."""


class Line(NamedTuple):
    """A line of output, and how many seconds after the start it came."""

    at_s: float
    text: str


class Moment(NamedTuple):
    """A moment of a run, told by its lines: seconds vary with the load."""

    after_lines: int
    wait_s: float

    def __str__(self) -> str:
        return f"{self.wait_s:.1f} s after line {self.after_lines}"


class Kill(NamedTuple):
    """Where an ``up`` is killed, and what of it."""

    point: int
    moment: Moment
    whom: str
    """``engine``: the CLI alone, as by the kernel when memory is short; ``everything``: the
    operator's command and all that it has in its group."""

    def __str__(self) -> str:
        return f"point {self.point}: {self.whom} killed {self.moment}"


class Watched:
    """A running command of ``./stages``: an ``up`` of the stack, or the words that are given."""

    def __init__(self, stack: Stack, *words: str) -> None:
        self.lines: list[Line] = []
        self._stack = stack
        words = words or ("up", "--stack", stack.name)
        self._news = threading.Condition()
        self._began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scripts", *words],
            cwd=stack.clone.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._ended = False

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.lines.append(Line(time.monotonic() - self._began, line.rstrip("\n")))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait(self, condition: Callable[[], bool], timeout_s: float) -> None:
        """Until a condition of the lines holds, the run has ended, or so much time has passed."""
        with self._news:
            self._news.wait_for(lambda: self._ended or condition(), timeout_s)

    def reach(self, moment: Moment) -> None:
        """Until then, or until the end."""
        self.wait(lambda: len(self.lines) >= moment.after_lines, 600)
        self.wait(lambda: len(self.lines) > moment.after_lines, moment.wait_s)

    def end(self) -> str:
        """Wait for the end; what was said."""
        self.process.wait(600)
        self._reader.join(30)
        return "\n".join(line.text for line in self.lines)

    def timeline(self) -> list[Line]:
        """Its lines; the last is the end itself. Call it right after the end."""
        return [*self.lines, Line(time.monotonic() - self._began, "")]

    def kill(self) -> None:
        """Kill the command with -9, and all that it has in its group."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def engine(self) -> int | None:
        """The process of the engine, which holds the stack's lock."""
        locks = self._stack.clone.path / ".stages/state/.pulumi/locks/organization/stages"
        for lock in (locks / self._stack.name).glob("*.json"):
            try:
                return int(json.loads(lock.read_text())["pid"])
            except (OSError, ValueError):
                continue
        return None


def watched_up(stack: Stack) -> list[Line]:
    """Run ``up`` to its end; the last line is the end itself."""
    run = Watched(stack)
    said = run.end()
    assert run.process.returncode == 0, said
    return run.timeline()


def moment_of(timeline: list[Line], share: float) -> Moment:
    """The same of a run like this one, after a share of its time."""
    at_s = share * timeline[-1].at_s
    before = [line for line in timeline if line.at_s <= at_s]
    return Moment(len(before), at_s - (before[-1].at_s if before else 0))


def choose(timeline: list[Line], point: int, rng: random.Random) -> Kill:
    """A moment in a piece of an ``up`` like this one."""
    share = (point + rng.random()) / POINTS
    return Kill(point, moment_of(timeline, share), rng.choice(("engine", "everything")))


def killed_up(stack: Stack, kill: Kill) -> str:
    """Run ``up`` and kill it there with -9; what it had said. One that ends before is no failure:
    its last line and its end are close together."""
    run = Watched(stack)
    run.reach(kill.moment)
    engine = run.engine()
    if kill.whom == "engine" and engine is not None:
        with suppress(ProcessLookupError):
            os.kill(engine, signal.SIGKILL)
    else:
        run.kill()
    return run.end()
