"""Runs programs for the bootstrap: quiet, with a log, and with the time that has passed.

Standard library only: the bootstrap uses this before the virtual environment exists.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PLAIN_INTERVAL_S = 20.0
"""How often a long step speaks where there is no terminal."""
TERMINAL_INTERVAL_S = 1.0


OS_ERROR_REMEDIES = {
    errno.ENOSPC: "Free some space and run it again.",
    errno.EDQUOT: "Free some space and run it again.",
    errno.EROFS: "Use a checkout on a file system that can be written to.",
    errno.EACCES: "Use the user whose checkout it is, or give it back to this one with chown.",
    errno.EPERM: "Use the user whose checkout it is, or give it back to this one with chown.",
    errno.EISDIR: "A file belongs there: move the folder away.",
    errno.ENOTDIR: "A folder belongs there: move the file away.",
    errno.EEXIST: "A folder belongs there: move the file away.",
    errno.EIO: "The disk does not answer: look at `dmesg`.",
}
"""What a disk or its rights refuse, and what to do about it."""


def describe_os_error(error: OSError) -> str:
    """Say in one line which path the machine refused and why; empty: no such refusal."""
    remedy = OS_ERROR_REMEDIES.get(error.errno or 0)
    if remedy is None:
        return ""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror}. {remedy}"


def say(text: str) -> None:
    """Print one line at once."""
    print(text, flush=True)


def duration(seconds: float) -> str:
    """Write a duration as people say it: ``8 s``, ``2 min 03 s``."""
    whole = int(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def answer(argv: Sequence[str], timeout_s: float = 20) -> str:
    """Return what a program prints, or nothing if it is missing, fails or does not answer."""
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def run_logged(
    argv: Sequence[str],
    what: str,
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    detail: Callable[[str], str] | None = None,
) -> int:
    """Run a long step with its output in ``log``; say what runs and for how long it has run.

    ``detail`` turns the log's text so far into a few words of progress. Returns the exit code.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    terminal = sys.stdout.isatty()
    started = time.monotonic()
    say(f"{what} ...")
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            argv,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=dict(os.environ) if env is None else dict(env),
            cwd=cwd,
        )
        try:
            while True:
                try:
                    process.wait(TERMINAL_INTERVAL_S if terminal else PLAIN_INTERVAL_S)
                    break
                except subprocess.TimeoutExpired:
                    words = detail(log.read_text(errors="replace")) if detail else ""
                    line = f"  {duration(time.monotonic() - started)}{', ' if words else ''}{words}"
                    print(f"\r\033[K{line}" if terminal else line, end="" if terminal else "\n")
                    sys.stdout.flush()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if terminal:
        print("\r\033[K", end="", flush=True)
    return process.returncode


def last_words(log: Path) -> str:
    """Return the last line of a log that says something."""
    try:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    except OSError:
        return ""
    return next((line for line in reversed(lines) if line), "")
