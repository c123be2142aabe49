"""restic, as a program: how it is called, what its errors mean, and when it is stopped.

Its repository, bucket and passphrase are in the environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.host.files.backups import record
from components.host.files.backups.record import Failed

NO_REPOSITORY, LOCKED = 10, 11
"""Codes of restic (its manual, "Scripting")."""
LOCK_S = 600
"""How long restic waits for another of its kind."""
REFUSED_S = 90
"""How long the bucket may refuse one and the same thing: what a retry helps against is over by
then. restic itself goes on for a quarter of an hour, and has no option for it."""
REFUSAL = re.compile(r"(.+) returned error, retrying after [^:]+: (.+)")
REFUSAL_ENDED = re.compile(r"(.+?) (?:operation successful after|failed:) ")
"""Of what restic says: ``Save(<data/2fa4>) returned error, retrying after 1s: Access Denied``."""
UNLOCK_S = 30
"""How long restic, asked to stop, may take to unlock the bucket."""
RUN_S = 11 * 3600


class NoRepository(Failed):
    pass


class Locked(Failed):
    pass


_KINDS: dict[int, type[Failed]] = {NO_REPOSITORY: NoRepository, LOCKED: Locked}


def argv() -> list[str]:
    region = os.environ.get("AWS_DEFAULT_REGION", "")
    options = ["-o", "s3.bucket-lookup=path", "-o", f"s3.region={region}"]
    options += ["--retry-lock", f"{LOCK_S}s"]
    return ["restic", *options, "--cache-dir", str(record.FOLDER / "cache")]


def run(
    *words: str,
    timeout_s: float = RUN_S,
    output: int | None = subprocess.PIPE,
    folder: Path | None = None,
) -> str:
    """Run it; return what it printed. Raises ``Failed`` with its first error."""
    done = completed(*words, timeout_s=timeout_s, output=output, folder=folder)
    if done.returncode != 0:
        kind = _KINDS.get(done.returncode, Failed)
        raise kind(f"restic {words[0]} failed: {reason(done.stderr)}")
    return done.stdout or ""


def completed(
    *words: str,
    timeout_s: float = RUN_S,
    output: int | None = subprocess.PIPE,
    folder: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run it. Raises ``Failed`` when it takes too long, or the bucket refuses for too long."""
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            [*argv(), *words],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            text=True,
            errors="replace",
        ) as process,
        given_up(process, errors.fileno()) as refusal,
    ):
        try:
            answer, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            said = said_so_far(errors.fileno())
            why = [*_refused(said).values(), reason(said)][0]
            raise Failed(f"restic {words[0]}: no end after {timeout_s:.0f} s: {why}") from None
        said = said_so_far(errors.fileno())
    if refusal:
        raise Failed(f"restic {words[0]} failed: {refusal[0]}")
    return subprocess.CompletedProcess(words, process.returncode, answer, said)


@contextlib.contextmanager
def given_up(process: subprocess.Popen[Any], errors: int) -> Iterator[list[str]]:
    """Stop restic where the bucket refuses one thing for too long; why, if that was so."""
    ended, refusal = threading.Event(), list[str]()

    def watch() -> None:
        since: dict[str, float] = {}
        while not ended.wait(1) and process.poll() is None:
            now, refused = time.monotonic(), _refused(said_so_far(errors))
            since = {what: since.get(what, now) for what in refused}
            for what, began in since.items():
                if now - began < REFUSED_S:
                    continue
                refusal.append(refused[what])
                process.send_signal(signal.SIGINT)
                if not ended.wait(UNLOCK_S):
                    process.kill()
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield refusal
    finally:
        ended.set()
        watcher.join()


def said_so_far(errors: int) -> str:
    """All that restic has written to this file, whose end stays where it is."""
    return os.pread(errors, os.fstat(errors).st_size, 0).decode(errors="replace")


def _refused(output: str) -> dict[str, str]:
    """What the bucket has refused, and restic still tries; each with the reason."""
    refused: dict[str, str] = {}
    for line in output.splitlines():
        if refusal := REFUSAL.match(line):
            refused[refusal[1]] = refusal[2].rstrip(". ")
        elif ended := REFUSAL_ENDED.match(line):
            refused.pop(ended[1], None)
    return refused


def reason(output: str) -> str:
    """The first error: of the command that restic runs, else the program's own."""
    lines = [_plain(line.strip()).rstrip(".") for line in output.splitlines() if line.strip()]
    for wanted in ("subprocess ", "Fatal:", "error:"):
        for line in lines:
            if wanted in line:
                return line.removeprefix("subprocess ")
    return (lines or ["no reason given"])[-1]


def _plain(line: str) -> str:
    """With --json restic says its errors so too."""
    with contextlib.suppress(ValueError, LookupError, TypeError):
        return str(json.loads(line)["message"]).splitlines()[0]
    return line
