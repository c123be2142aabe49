"""The host image: Debian 13 with every package a host needs, built once on the machine.

All hosts of all stacks share it as the lower directory of their overlays, so it is never written
to: a change of the package list or of the recipe makes another one beside it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from components.clouds.local.hosts import machine
from components.errors import StepFailed
from components.host.packages import IMAGE_PACKAGES

SUITE = "trixie"
BUILD_TIMEOUT_S = 1800
"""70 to 130 s on 2 cores with a near mirror; a build that takes this long has lost its mirror."""
FREE_MIB = 3000
"""What a build needs on the disk: the image (about 700 MiB) and, meanwhile, its packages."""

INIT = "usr/lib/systemd/systemd"
"""What nspawn starts: without it no host can be running on the image."""

Progress = Callable[[str, float], None]
"""Called with what the build is doing and the seconds since it began."""

_FILES = Path(__file__).parent / "files"
_BEFORE = _FILES / "image-before.sh"
_AFTER = _FILES / "image-after.sh"
_OPTIONS = (
    "--mode=root",
    "--variant=minbase",
    "--format=directory",
    '--aptopt=Apt::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
)


def folder() -> Path:
    """Where the image lies or will lie: its name follows from everything that goes into it."""
    recipe = "\n".join((SUITE, *IMAGE_PACKAGES, _BEFORE.read_text(), _AFTER.read_text(), *_OPTIONS))
    return machine.root() / "image" / machine.digest(recipe, 12)


def exists() -> bool:
    """Whether the image is there; a build that was cut off is not one, nor what lost its init."""
    return (folder() / INIT).exists()


def ensure(progress: Progress | None = None) -> Path:
    """Return the image's folder; build it first where it is missing.

    Two builds at once: the second waits for the first. Raises ``UserError`` with the last lines
    of mmdebstrap when the build fails.
    """
    target = folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    # The root file system of all hosts; an overlay asks nobody but root for its lower directory.
    target.parent.chmod(0o700)
    if exists():
        return target
    with machine.lock(target.parent):
        if not exists():
            shutil.rmtree(target, ignore_errors=True)
            for half in target.parent.glob("*.new"):  # of a build that was killed
                shutil.rmtree(half)
            _build(target, progress or (lambda step, elapsed_s: None))
            _prune(target)
    return target


def _build(target: Path, progress: Progress) -> None:
    began = time.monotonic()
    half = target.with_suffix(".new")
    argv = [
        "mmdebstrap",
        *_OPTIONS,
        f"--include={','.join(IMAGE_PACKAGES)}",
        f'--essential-hook=sh {shlex.quote(str(_BEFORE))} "$1"',
        f'--customize-hook=sh {shlex.quote(str(_AFTER))} "$1"',
        SUITE,
        str(half),
    ]
    output: list[str] = []
    progress("starting mmdebstrap", 0)
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=_environment(),
    ) as build:
        assert build.stdout is not None  # noqa: S101
        watch = threading.Timer(BUILD_TIMEOUT_S, build.terminate)
        watch.daemon = True
        watch.start()
        for line in build.stdout:
            output.append(line.strip())
            if line.startswith("I: "):
                progress(line[3:].strip().rstrip("."), time.monotonic() - began)
        watch.cancel()
    if build.returncode != 0:
        shutil.rmtree(half, ignore_errors=True)
        if time.monotonic() - began >= BUILD_TIMEOUT_S:
            output.append(f"no end after {BUILD_TIMEOUT_S} s")
        full = any("No space left on device" in line for line in output)
        raise StepFailed(
            f"The host image could not be built: {' | '.join(output[-5:])}",
            f"Free {FREE_MIB} MiB there, or set STAGES_LOCAL_ROOT to a folder on a larger disk"
            if full
            else "It needs Debian's package archives to be reachable, once",
        )
    os.sync()  # a power cut after the rename must not leave empty files in it
    half.rename(target)
    progress("built", time.monotonic() - began)


def _prune(current: Path) -> None:
    """Remove images of earlier package lists that no host uses, of any stack or root folder."""
    hosts = machine.root().glob("*/hosts/*/host.json")
    used = {str((machine.read_json(host) or {}).get("spec", {}).get("image")) for host in hosts}
    for namespace in Path("/proc").glob("[0-9]*/mounts"):
        try:
            used.update(re.findall(r"lowerdir=([^,\s]+)", namespace.read_text()))
        except OSError:
            continue  # the process has ended
    for image in current.parent.iterdir():
        if image != current and image.is_dir() and str(image) not in used:
            shutil.rmtree(image)


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
