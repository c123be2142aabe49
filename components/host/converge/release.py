"""A release becomes a directory: unpacked, built, and forgotten when enough newer ones came.

``/srv/app/releases/<name>`` counts as complete only once ``/var/lib/stages-host/releases/<name>``
exists; what a killed run left is removed and made again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from components.host.converge.files import STATE
from components.host.converge.report import TIMEOUT_EXIT, Done, Failed, run, step, tell

HOME = Path("/srv/app")
RELEASES = HOME / "releases"
CURRENT = HOME / "current"
COMPLETE = STATE / "releases"
USER = "app"
ENVIRONMENT = Path("/etc/app/app.env")
RELEASE_COMMAND_TIMEOUT_S = 900
JOB = "stages-release.service"
"""The transient unit in which a release is built: one at a time, and findable after a kill."""


def name_of(commit: str, directory: str, build: str) -> str:
    """A release's directory: the commit, and a digest where the same commit can differ."""
    if directory in {"", "."} and not build:
        return commit
    text = f"{directory}\n{build}"
    return f"{commit}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def active() -> str:
    """Name of the release that ``current`` points to, or nothing."""
    return CURRENT.readlink().name if CURRENT.is_symlink() else ""


def commit_of(name: str) -> str:
    return name.partition("-")[0]


def ensure(name: str, build: str, build_timeout_s: int) -> None:
    """Have the release unpacked and built; asks for the archive when it is not here."""
    COMPLETE.mkdir(parents=True, exist_ok=True)
    if (COMPLETE / name).exists() and (RELEASES / name).is_dir():
        return
    _stop_job()
    if active() == name:  # Complete by definition, although the mark was lost.
        (COMPLETE / name).touch()
        return
    _unpack(name)
    if build:
        step("build")
        done = as_app(build, RELEASES / name, build_timeout_s)
        if not done.ok:
            raise Failed(
                f"release {commit_of(name)[:12]}",
                f"the build failed ({_ending(done, build_timeout_s)})",
                "The old release was not touched. The last lines are below.",
                done.tail(),
            )
    (COMPLETE / name).touch()


def release_command(name: str, command: str) -> None:
    """Run the Procfile's ``release`` line, with the direct database address."""
    step("release command")
    direct = 'if [ -n "$DIRECT_DATABASE_URL" ]; then export DATABASE_URL="$DIRECT_DATABASE_URL"; fi'
    done = as_app(f"{direct}\n{command}", RELEASES / name, RELEASE_COMMAND_TIMEOUT_S)
    if not done.ok:
        raise Failed(
            f"release {commit_of(name)[:12]}",
            f"the release command failed ({_ending(done, RELEASE_COMMAND_TIMEOUT_S)}): {command}",
            "The old release was not touched. The last lines are below.",
            done.tail(),
        )


def switch(name: str) -> None:
    """Point ``current`` at a release, in one step."""
    temporary = HOME / ".current.new"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(f"releases/{name}")
    temporary.rename(CURRENT)


def prune(keep: int, *also: str) -> None:
    """Remove the oldest releases beyond ``keep``, never the active one."""
    names = sorted(COMPLETE.iterdir(), key=lambda mark: mark.stat().st_mtime, reverse=True)
    for mark in names[max(keep, 1) :]:
        if mark.name not in {active(), *also}:
            mark.unlink()
    for folder in RELEASES.iterdir():
        if not (COMPLETE / folder.name).exists() and folder.name not in {active(), *also}:
            shutil.rmtree(folder, ignore_errors=True)


def as_app(command: str, folder: Path, timeout_s: int) -> Done:
    """Run a command as the app: its user, its environment as systemd reads it, its limits."""
    argv = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", f"--unit={JOB}"]
    properties = {
        "User": USER,
        "Group": USER,
        "WorkingDirectory": str(folder),
        "EnvironmentFile": f"-{ENVIRONMENT}",
        "Environment": f"HOME={HOME}",
        "RuntimeMaxSec": str(timeout_s),
        "TimeoutStopSec": "5",
        # Requests go first: a build yields to them, and is ended first when memory runs out.
        "Nice": "10",
        "OOMScoreAdjust": "500",
    }
    settings = [f"--property={key}={value}" for key, value in properties.items()]
    began = time.monotonic()
    done = run([*argv, *settings, "/bin/sh", "-e", "-c", command], timeout_s=timeout_s + 30)
    if not done.ok and time.monotonic() - began >= timeout_s:
        _stop_job()
        return Done(TIMEOUT_EXIT, done.output)
    return done


def _ending(done: Done, timeout_s: int) -> str:
    if done.code == TIMEOUT_EXIT:
        return f"still running after {timeout_s} s"
    return f"exit code {done.code}"


def _stop_job() -> None:
    run(["systemctl", "stop", JOB])


def _unpack(name: str) -> None:
    """Ask for the archive and unpack it as the app's user, under a temporary name first."""
    step("release")
    RELEASES.mkdir(parents=True, exist_ok=True)
    shutil.chown(RELEASES, USER, USER)
    final, temporary = RELEASES / name, RELEASES / f".{name}.new"
    for leftover in (final, temporary):
        if leftover.exists():
            shutil.rmtree(leftover)
    temporary.mkdir()
    shutil.chown(temporary, USER, USER)
    tell(want="archive")
    incoming = sys.stdin.buffer
    cut = Failed("release", "the archive was cut off on its way", "Run it again.")
    try:
        left = int(incoming.readline())
    except ValueError:
        raise cut from None
    tar = ["tar", "--extract", "--no-same-owner", f"--directory={temporary}"]
    with subprocess.Popen(
        ["runuser", "-u", USER, "--", *tar], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None  # noqa: S101
        try:
            while left and (block := incoming.read(min(left, 1 << 20))):
                process.stdin.write(block)
                left -= len(block)
            process.stdin.close()
        except BrokenPipeError:
            pass
        assert process.stderr is not None  # noqa: S101
        reason = process.stderr.read().decode(errors="replace")
    if left:
        raise cut
    if process.returncode != 0:
        raise Failed("release", f"the archive does not unpack: {Done(1, reason).last_line()}")
    os.sync()
    temporary.rename(final)
