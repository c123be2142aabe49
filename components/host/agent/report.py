"""What the host tells the machine that sent it here: JSON lines on standard output.

``{"step": ...}`` when a step begins, ``{"note": ...}`` for what the operator should know,
``{"want": "archive"}`` to ask for the release, and one ``{"result": ...}`` or ``{"error": ...}``.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.host.agent import pace

HELD_S = 2
MOST_QUOTED = 300
TIMEOUT_EXIT = 124
"""Exit code for a command that did not end in time, as ``timeout(1)`` has it."""
JOURNAL = "/run/systemd/journal/socket"
RUN_TAG = "stages-run"
"""Under which the journal has when a run began and ended."""
BEGINS, ENDS = "begins", "ends"


class Failed(Exception):
    """A step that cannot go on: where, why, what to do, and the output that shows it."""

    def __init__(self, where: str, cause: str, remedy: str = "", output: str = "") -> None:
        self.where = where
        self.cause = cause
        self.remedy = remedy
        self.output = output
        super().__init__(f"{where}: {cause}")

    def say(self, more: str) -> Failed:
        """The same failure with one more sentence about what was done."""
        return Failed(self.where, f"{self.cause}; {more}", self.remedy, self.output)


def tell(**values: object) -> None:
    """Print one line. When nobody listens any more the work still goes on to a sound end."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(json.dumps(values) + "\n")
        sys.stdout.flush()


_at = {"step": ""}
"""Where the run is, for a failure that does not say so itself."""


def step(name: str) -> None:
    """Say which step begins."""
    _at["step"] = name
    tell(step=name)


def current_step() -> str:
    """The step that the run is at; empty before the first."""
    return _at["step"]


def note(text: str) -> None:
    """Say something that the operator should know, though the run goes on."""
    tell(note=text)


def log(text: str) -> None:
    """Put a line into the host's journal; a host without one misses it."""
    fields = {"SYSLOG_IDENTIFIER": RUN_TAG, "PRIORITY": "6", "MESSAGE": text}
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal,
    ):
        lines = "".join(f"{name}={value}\n" for name, value in fields.items())
        journal.sendto(lines.encode(), JOURNAL)


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    output: str
    """Standard output and standard error, as they came (``run``: unless only answers count)."""

    @property
    def ok(self) -> bool:
        return self.code == 0

    def tail(self, lines: int = 20) -> str:
        """The last lines, where a reason usually stands."""
        return "\n".join(self.output.strip().splitlines()[-lines:])

    def first_line(self) -> str:
        """Where systemctl says what failed; hints follow."""
        return self.output.strip().partition("\n")[0] or f"exit code {self.code}, no output"

    def last_line(self) -> str:
        return self.tail(1) or f"exit code {self.code}, no output"


def run(
    argv: Sequence[str],
    *,
    timeout_s: float = 60,
    text: str | None = None,
    environment: Mapping[str, str] | None = None,
    answers: bool = False,
) -> Done:
    """Run a command with its whole process group ended in time; never raises.

    ``timeout_s`` is that of a usual host: a slow one is given as much more (``pace.py``).
    ``text`` goes to its standard input; ``environment`` is added to this process's own.
    ``answers``: of a command that succeeds the output is its standard output alone, without the
    warnings and notices that a database may have sent.
    """
    timeout_s *= pace.patience()
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if answers else subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
    except OSError as error:
        return Done(127, f"{argv[0]}: {error.strerror}")
    try:
        output, errors = process.communicate(text, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        output = _rest(process)
        return Done(TIMEOUT_EXIT, f"{output}\nstopped after {timeout_s:.3g} s{pace.load()}")
    return Done(process.returncode, f"{output}{errors or ''}" if process.returncode else output)


def _rest(process: subprocess.Popen[str]) -> str:
    """What a killed command has printed; somebody whom it gave its pipe may hold that open."""
    try:
        return process.communicate(timeout=HELD_S)[0]
    except subprocess.TimeoutExpired as held:
        return bytes(held.output or b"").decode(errors="replace")


def quoted(text: str) -> str:
    """Somebody else's words, in quotes and cut, so that they do not pass for ours."""
    words = " ".join(text.split()).replace('"', "'")
    return f'"{words[:MOST_QUOTED]}"'


def shell(command: str, *, timeout_s: float = 60) -> Done:
    """Run a shell command as root."""
    return run(["/bin/sh", "-c", command], timeout_s=timeout_s)
