"""The S3 server: versitygw, built with Go from the pinned modules beside this file.

Once for a user, in the user's cache, when a stack first asks for a bucket: 133 s of processor, so
about a minute on two idle cores. Go fetches the modules by its own settings (``GOPROXY``).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from components.clouds.local.hosts import machine
from components.errors import MissingRequirement, StepFailed, UserError

PACKAGE = "github.com/versity/versitygw/cmd/versitygw"
MODULE = Path(__file__).parent
BUILD_TIMEOUT_S = 1800


def version() -> str:
    """What tells this program from one that other modules make."""
    pinned = (MODULE / "go.mod").read_bytes() + (MODULE / "go.sum").read_bytes()
    return hashlib.sha256(pinned).hexdigest()[:12]


def place() -> Path:
    """Where the program is, or will be."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "stages" / f"s3-{version()}" / "versitygw"


def lack() -> UserError | None:
    """Why the program cannot be built here; ``None`` where it is there, or Go is."""
    if place().exists() or shutil.which("go"):
        return None
    return MissingRequirement(
        "The bucket of a local stack needs Go, once, to build its S3 server",
        "On Debian or Ubuntu: apt-get install --no-install-recommends golang-go",
    )


def ensure(say: Callable[[str], None] = lambda _: None) -> Path:
    """Return the program; build it first where it is missing. A second build waits for the first.

    Raises ``UserError`` with Go's last words.
    """
    program = place()
    if program.exists():
        return program
    if missing := lack():
        raise missing
    program.parent.mkdir(parents=True, exist_ok=True)
    with machine.lock(program.parent):
        if not program.exists():
            say("S3 server: versitygw is built once with Go, about a minute or two")
            _build(program)
    return program


def _build(program: Path) -> None:
    half = program.with_suffix(".new")
    done = subprocess.run(
        ["go", "build", "-ldflags", "-s -w", "-o", str(half), PACKAGE],
        cwd=MODULE,
        env={**os.environ, "GOWORK": "off", "GOFLAGS": "-mod=readonly"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        output = " | ".join(done.stderr.strip().splitlines()[-3:])
        raise StepFailed(
            f"The S3 server of the bucket could not be built: {output}",
            "It needs the Go module proxy to be reachable, once",
        )
    half.rename(program)
