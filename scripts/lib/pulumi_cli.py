"""Gets the pinned Pulumi CLI: PATH, the user's cache, the vendor's download, a build with Go.

Each is tried quickly and told in one line; the first that works wins. Download and build end up
in the user's cache, so that several clones share one copy. Standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.errors import MissingRequirement, StepFailed
from scripts.lib import pins
from scripts.lib.execute import answer, duration, last_words, run_logged, say

DOWNLOADS = "https://get.pulumi.com/releases/sdk"
CHECKSUMS = "https://github.com/pulumi/pulumi/releases/download"
"""Another host than the archive's, so that one of them alone cannot pass a changed archive."""
CONNECT_TIMEOUT_S = 4
"""A machine without a way out should lose seconds here, not minutes."""
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"


def cache_folder(version: str) -> Path:
    """Return the folder in the user's cache for this version."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "stages" / f"pulumi-{version}"


def find(version: str, root: Path) -> Path:
    """Return the folder that holds the ``pulumi`` of this version; get it if need be.

    Raises ``UserError`` with every reason in one sentence when no way worked.
    """
    on_path = shutil.which("pulumi")
    if on_path and pins.cli_version(answer([on_path, "version"])) == version:
        return Path(on_path).parent
    cached = cache_folder(version) / "bin"
    if (cached / "pulumi").exists():
        return cached
    if on_path:
        say(f"Pulumi CLI: {on_path} is not version {version}, the one that requirements.txt pins.")
    with alone(cache_folder(version), "Pulumi CLI"):
        if (cached / "pulumi").exists():
            return cached
        refused = _download(version, cached)
        if refused:
            say(f"Pulumi CLI {version}: no download ({refused}).")
            _build(version, root, cached, refused)
    return cached


def archive_name(version: str, system: str, machine: str) -> str:
    """Return the name of the vendor's archive for a machine; empty if there is none."""
    arch = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(machine)
    known = system in {"linux", "darwin"} and arch
    return f"pulumi-v{version}-{system}-{arch}.tar.gz" if known else ""


def checksum_for(listing: str, name: str) -> str:
    """Return the SHA-256 of a file in the vendor's checksum list; empty if it is not there."""
    for line in listing.splitlines():
        words = line.split()
        if len(words) == 2 and words[1].lstrip("*") == name:
            return words[0].lower()
    return ""


def _download(version: str, target: Path) -> str:
    """Fetch and check the vendor's archive; return why it did not work, or nothing."""
    name = archive_name(version, platform.system().lower(), platform.machine().lower())
    if not name:
        return f"the vendor has none for {platform.system()} {platform.machine()}"
    started = time.monotonic()
    try:
        listing = _fetch(f"{CHECKSUMS}/v{version}/pulumi-{version}-checksums.txt").decode()
        expected = checksum_for(listing, name)
        if not expected:
            return f"the vendor's checksum list does not name {name}"
        say(f"Pulumi CLI {version}: downloading {name} ...")
        archive = _fetch(f"{DOWNLOADS}/{name}")
    except (OSError, urllib.error.URLError) as problem:
        reason = getattr(problem, "reason", problem)
        return str(getattr(reason, "strerror", None) or reason)
    if hashlib.sha256(archive).hexdigest() != expected:
        return f"the checksum of {name} is not the vendor's"
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        packed = Path(scratch) / name
        packed.write_bytes(archive)
        with tarfile.open(packed) as tar:
            # The checksum was compared above; Debian 12's Python has no extraction filters yet.
            tar.extractall(scratch)  # noqa: S202
        (Path(scratch) / "pulumi").replace(target)
    say(f"Pulumi CLI {version}: downloaded in {duration(time.monotonic() - started)}.")
    return ""


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=CONNECT_TIMEOUT_S) as response:  # noqa: S310 (https)
        content: bytes = response.read()
    return content


def _build(version: str, root: Path, target: Path, refused: str) -> None:
    """Build the CLI from tools/go.mod into ``target``."""
    have = pins.go_version(answer(["go", "version"]))
    if have < pins.OLDEST_GO:
        wanted = ".".join(map(str, pins.OLDEST_GO))
        problem = f"Go {have[0]}.{have[1]} is too old" if have != (0, 0) else "Go is not installed"
        raise MissingRequirement(
            f"Pulumi CLI {version}: not on PATH, no download ({refused}), and {problem}"
            f" to build it. Install Pulumi {version} or Go {wanted} or newer, then run the command"
            " again."
        )
    log = target.parent / "build.log"
    scratch = target.parent / f"bin.{os.getpid()}"
    started = time.monotonic()
    # Without the version the Automation API refuses the CLI; -s -w leaves debugging data out.
    ldflags = f"-s -w -X {VERSION_VARIABLE}=v{version}"
    code = run_logged(
        ["go", "build", "-v", "-ldflags", ldflags, "-o", str(scratch / "pulumi"), PACKAGE],
        f"Pulumi CLI {version}: building it with Go, once (about 6 minutes on 2 cores)",
        log,
        env={**os.environ, "GOWORK": "off"},
        cwd=root / "tools",
        detail=_build_progress,
    )
    if code != 0:
        shutil.rmtree(scratch, ignore_errors=True)
        raise StepFailed(
            f"Pulumi CLI {version}: the build failed ({last_words(log)}). Its output is in {log}.",
        )
    scratch.replace(target)
    say(f"Pulumi CLI {version}: built in {duration(time.monotonic() - started)}.")


def _build_progress(log: str) -> str:
    lines = log.splitlines()
    fetched = sum(line.startswith("go: downloading") for line in lines)
    built = len(lines) - fetched
    return f"{fetched} modules fetched" if not built else f"{built} packages compiled"


@contextmanager
def alone(folder: Path, what: str) -> Iterator[None]:
    """Let one process at a time fill the cache: a second one waits and finds it done."""
    folder.mkdir(parents=True, exist_ok=True)
    # For this user alone: whoever can open a file can hold its lock, and with it every later run.
    with os.fdopen(os.open(folder / "lock", os.O_WRONLY | os.O_CREAT, 0o600), "w") as lock:
        os.fchmod(lock.fileno(), 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{what}: another run is getting it; waiting for that one ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
