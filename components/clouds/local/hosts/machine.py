"""The machine under the local cloud: its folders, its programs, its locks.

Everything that a stack has on the machine lies in ``<root>/<stack>/``; images, which all stacks
share, in ``<root>/image/``. ``root`` is ``/var/lib/stages`` or ``STAGES_LOCAL_ROOT``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from components.errors import StepFailed, UserError

T = TypeVar("T")

USUAL_BOOT_S = 4.0
"""A host's first boot until sshd listens, on an idle machine with 2 cores."""
UNKNOWN_PATIENCE = 10.0
"""Until the first boot of a host was measured; an emulated machine is 10 to 20 times slower."""
MOST_PATIENCE = 40.0
RUN = Path("/run/stages-local")
"""Held for what all stacks of the machine share, whatever their root folder is."""
COMMAND_TIMEOUT_S = 60
"""Every program called here ends within a second or two; one that does not hangs."""


def root() -> Path:
    """The folder that holds all stacks: ``STAGES_LOCAL_ROOT``, else ``/var/lib/stages``."""
    return Path(os.environ.get("STAGES_LOCAL_ROOT") or "/var/lib/stages")


def stack_folder(stack: str) -> Path:
    """The folder of one stack. Its name must be one path component that no other folder uses."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", stack) or stack == "image":
        raise ValueError(f"not a stack name: {stack!r}")
    return root() / stack


def patience() -> float:
    """How much slower than usual this machine is, so that its waits are as much longer."""
    measured = read_json(root() / "pace.json")
    if measured is None:
        return UNKNOWN_PATIENCE
    return min(max(1.0, float(measured["first_boot_s"]) / USUAL_BOOT_S), MOST_PATIENCE)


def measured(first_boot_s: float) -> None:
    """Keep how long the first boot of a host has taken here."""
    write_json(root() / "pace.json", {"first_boot_s": round(first_boot_s, 2)}, 0o644)


def load() -> str:
    """The end of a message about a time-out: the load of a busy machine; empty for an idle one."""
    average, processors = os.getloadavg()[0], os.cpu_count() or 1
    busy = average > 2 * processors
    return f"; this machine is busy: load {average:.1f} on {processors} processors" if busy else ""


def digest(text: str, length: int = 8) -> str:
    """A short name for a long one: interface names hold 15 characters."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def run(argv: Sequence[str], *, stdin: str | None = None, check: bool = True) -> str:
    """Run a program of the machine and return its standard output.

    A failure is one line with the command and what it said; a program that is missing or hangs
    fails whatever ``check`` says.
    """
    try:
        done = subprocess.run(
            list(argv),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S * patience(),
            check=False,
        )
    except FileNotFoundError:
        raise UserError(
            f"The local cloud needs {argv[0]}, which is not on this machine",
            "components/clouds/local/machine-packages.txt names its package.",
        ) from None
    except subprocess.TimeoutExpired:
        reason = f"no end after {COMMAND_TIMEOUT_S * patience():.3g} s{load()}"
        raise StepFailed(f"{' '.join(argv[:4])} failed: {reason}") from None
    if check and done.returncode != 0:
        reason = " ".join((done.stderr or done.stdout).split())
        raise StepFailed(f"{' '.join(argv[:4])} failed ({done.returncode}): {reason}")
    return done.stdout


def wait_until(
    what: str, timeout_s: float, probe: Callable[[], T | None], *, every_s: float = 0.05
) -> T:
    """Call ``probe`` until it returns something other than ``None`` or ``False``, and return that.

    Raises ``UserError`` with ``what`` after ``timeout_s``, which is that of a usual machine.
    """
    timeout_s *= patience()
    deadline = time.monotonic() + timeout_s
    while True:
        value = probe()
        if value is not None and value is not False:
            return value
        if time.monotonic() >= deadline:
            raise StepFailed(f"{what}: not within {timeout_s:.3g} s{load()}")
        time.sleep(every_s)


@contextmanager
def lock(folder: Path = RUN) -> Iterator[None]:
    """Hold a folder (``RUN``: the whole machine) against other processes and threads.

    Not reentrant, and short: around the choice of a name or an address, never around a boot. The
    folder itself is locked, so that no lock file is left behind. It becomes root's alone: whoever
    can open a folder can hold its lock, and with it every later run.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchmod(descriptor, 0o700)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write(path: Path, text: str, mode: int = 0o644, owner: int | None = None) -> None:
    """Write a whole file or none: a temporary name in the same folder, then a rename.

    ``owner`` is both uid and gid; without it, whoever runs this.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.chmod(mode)
    if owner is not None:
        os.chown(temporary, owner, owner)
    temporary.rename(path)


def write_json(path: Path, value: Any, mode: int = 0o600) -> None:
    write(path, json.dumps(value, indent=2, sort_keys=True) + "\n", mode)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file, or ``None`` where there is no such file."""
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise UserError(
            f"{path}: should be what the local cloud noted there, got something else",
            "It is written whole or not at all: restore it, or move its folder away",
        )
    return value
