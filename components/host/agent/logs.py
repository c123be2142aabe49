"""The output of a build or a release command: kept whole on the host, and told while it comes.

``/var/log/stages`` is root's alone, for a build may print a secret. Kept are the newest logs, each
up to a limit: a build that prints without end must not fill the disk.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.host.agent import pace
from components.host.agent.report import TIMEOUT_EXIT, Done, tell

FOLDER = Path("/var/log/stages")
KEEP = 20
MOST_BYTES = 16 * 1024**2
TELL_EVERY_S = 0.3
MOST_LINES = 200
"""Told at once, and remembered: of a flood its last ones."""
LONGEST_LINE = 4096
ERROR = re.compile(
    r"^E:|npm (ERR!|error)|\b(error|fatal|exception|traceback|panic)\b|\w(Error|Exception)\b"
    r"|\bfailed\b|command not found|No such file",
    re.IGNORECASE,
)
NO_ERROR = re.compile(r"\b(0|no) (errors?|failed)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Logged(Done):
    """How a command ended whose output was kept; ``output`` has its last lines."""

    log: str = ""
    first_error: str = ""
    """The first line that speaks of an error; empty where none does."""

    def shown(self) -> str:
        """The first error, unless the last lines have it, and the last lines."""
        tail = self.tail()
        missing = self.first_error and self.first_error not in tail
        return f"{self.first_error}\n...\n{tail}" if missing else tail


class Log:
    """One log while it is written; takes bytes as they come and tells them in lines."""

    def __init__(self, name: str) -> None:
        FOLDER.mkdir(mode=0o700, exist_ok=True)
        for old in sorted(FOLDER.glob("*.log"))[: -(KEEP - 1)]:
            old.unlink()
        self.path = FOLDER / f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{name}.log"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        self._file = os.fdopen(os.open(self.path, flags, 0o600), "wb", buffering=0)
        self._room = MOST_BYTES
        self._part = b""
        self._told_s = 0.0
        self._new: deque[str] = deque(maxlen=MOST_LINES)
        self._skipped = 0
        self.last: deque[str] = deque(maxlen=MOST_LINES)
        self.first_error = ""

    def take(self, data: bytes) -> None:
        if self._room > 0:
            self._file.write(data[: self._room])
            self._room -= len(data)
            if self._room <= 0:
                self._file.write(b"\n(the rest was not kept)\n")
        *lines, self._part = re.split(rb"\r?\n|\r", self._part + data)
        if len(self._part) > LONGEST_LINE:
            lines, self._part = [*lines, self._part], b""
        for line in lines:
            self._line(line[:LONGEST_LINE].decode(errors="replace"))
        if time.monotonic() - self._told_s >= TELL_EVERY_S:
            self.tell()

    def _line(self, line: str) -> None:
        self._skipped += len(self._new) == MOST_LINES
        self._new.append(line)
        self.last.append(line)
        if not self.first_error and ERROR.search(line) and not NO_ERROR.search(line):
            self.first_error = line

    def tell(self) -> None:
        """Tell the lines that came since the last time."""
        skipped = [f"({self._skipped} more lines are in the log)"] if self._skipped else []
        if self._new:
            tell(output="\n".join([*skipped, *self._new]))
        self._new.clear()
        self._skipped, self._told_s = 0, time.monotonic()

    def end(self) -> None:
        if self._part:
            self._line(self._part.decode(errors="replace"))
        self.tell()
        self._file.close()


def follow(argv: Sequence[str], name: str, *, timeout_s: float) -> Logged:
    """Run a command as ``report.run`` does, with its output kept and told while it runs."""
    timeout_s *= pace.patience()
    log = Log(name)
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101
    pipe, deadline, late = process.stdout.fileno(), time.monotonic() + timeout_s, False
    while True:
        ended = process.poll() is not None
        ready, _, _ = select.select([pipe], [], [], 1.0)
        if ready and not (data := os.read(pipe, 1 << 16)):
            break
        if ready:
            log.take(data)
        else:
            log.tell()
        if ended and (late or not ready):
            break  # The app gave the pipe to a process elsewhere, which may hold it for ever.
        if not late and time.monotonic() > deadline:
            late = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    process.stdout.close()
    process.wait()
    if late:
        log.take(f"stopped after {timeout_s:.3g} s{pace.load()}\n".encode())
    log.end()
    code = TIMEOUT_EXIT if late else process.returncode
    return Logged(code, "\n".join(log.last), str(log.path), log.first_error)
