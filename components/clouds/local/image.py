"""The host image: Debian 13 with every package a host needs, built once on the machine.

All hosts of all stacks share it as the lower directory of their overlays, so it is never written
to: a change of the package list or of the recipe makes another one beside it.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from components.clouds.local import machine
from components.errors import UserError
from components.host.packages import IMAGE_PACKAGES

SUITE = "trixie"
POSTGRES_ID = 5432
"""Uid and gid of ``postgres`` in the image: files on a data volume outlive their server."""
BUILD_TIMEOUT_S = 1800
"""70 to 130 s on 2 cores with a near mirror; a build that takes this long has lost its mirror."""
FREE_MIB = 3000
"""What a build needs on the disk: the image (about 700 MiB) and, meanwhile, its packages."""

Progress = Callable[[str, float], None]
"""Called with what the build is doing and the seconds since it began."""

# Before any package is configured. No cluster made by the package; a uid that outlives the image.
_BEFORE = f"""
set -eu
mkdir -p "$1/etc/postgresql-common"
echo 'create_main_cluster = false' > "$1/etc/postgresql-common/createcluster.conf"
chroot "$1" groupadd --system --gid {POSTGRES_ID} postgres
chroot "$1" useradd --system --uid {POSTGRES_ID} --gid postgres --no-create-home \\
    --home-dir /var/lib/postgresql --shell /bin/bash postgres
"""

# After all packages. Nothing starts before its configuration is in place; no host shares a host
# key or a machine id with another. An empty machine-id (a missing one means "first boot" to
# systemd, which would enable every service again). No package lists and no archives: a boot
# document's "apt-get update" then costs nothing (the seed names the archives afterwards).
_AFTER = """
set -eu
chroot "$1" systemctl disable --quiet nginx.service pgbouncer.service postgresql.service \\
    valkey-server.service
rm -f "$1"/etc/ssh/ssh_host_*
: > "$1/etc/machine-id"
rm -f "$1/var/lib/dbus/machine-id" "$1/etc/apt/sources.list" "$1"/etc/apt/sources.list.d/*
rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1"/var/log/*.log
rm -rf "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/locale/* "$1"/usr/share/info/*
"""


def folder() -> Path:
    """Where the image lies or will lie: its name follows from everything that goes into it."""
    recipe = "\n".join((SUITE, *IMAGE_PACKAGES, _BEFORE, _AFTER, *_OPTIONS))
    return machine.root() / "image" / machine.digest(recipe, 12)


def exists() -> bool:
    """Whether the image is there; a build that was cut off is not one."""
    return folder().is_dir()


def ensure(progress: Progress | None = None) -> Path:
    """Return the image's folder; build it first where it is missing.

    Two builds at once: the second waits for the first. Raises ``UserError`` with the last lines
    of mmdebstrap when the build fails.
    """
    target = folder()
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            for half in target.parent.glob("*.new"):  # of a build that was killed
                shutil.rmtree(half)
            _build(target, progress or (lambda step, elapsed_s: None))
    return target


_OPTIONS = (
    "--mode=root",
    "--variant=important",
    "--format=directory",
    '--aptopt=Apt::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    '--dpkgopt=path-exclude=/usr/share/doc/*',
    '--dpkgopt=path-exclude=/usr/share/man/*',
    '--dpkgopt=path-exclude=/usr/share/locale/*',
)


def _build(target: Path, progress: Progress) -> None:
    began = time.monotonic()
    half = target.with_suffix(".new")
    argv = [
        "mmdebstrap",
        *_OPTIONS,
        f"--include={','.join(IMAGE_PACKAGES)}",
        f"--essential-hook={_BEFORE}",
        f"--customize-hook={_AFTER}",
        SUITE,
        str(half),
    ]
    said: list[str] = []
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
        for line in build.stdout:
            said.append(line.strip())
            if line.startswith("I: "):
                progress(line[3:].strip().rstrip("."), time.monotonic() - began)
            if time.monotonic() - began > BUILD_TIMEOUT_S:
                build.terminate()
    if build.returncode != 0:
        shutil.rmtree(half, ignore_errors=True)
        errors = [line for line in said if line.startswith("E:")] or said
        raise UserError(
            f"The host image could not be built: {' '.join(errors[-3:])}",
            "It needs Debian's archives (deb.debian.org) to be reachable, once",
            exit_code=1,
        )
    half.rename(target)
    progress("built", time.monotonic() - began)


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
