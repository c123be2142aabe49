"""A release becomes a directory: unpacked, built, and removed when enough newer ones came.

``/srv/app/releases/<name>`` counts as complete only once ``/var/lib/stages-host/releases/<name>``
exists; what a killed run left is removed and made again. The folder of all releases is root's; what
is in a release belongs to the app, so root neither reads nor follows what lies there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.host.agent import folders
from components.host.agent.files import STATE, read_json, write_json
from components.host.agent.logs import FOLDER as LOGS
from components.host.agent.logs import Logged, follow
from components.host.agent.report import TIMEOUT_EXIT, Done, Failed, note, run, shell, step, tell

FOLDER = Path("/srv/app")
RELEASES = FOLDER / "releases"
CURRENT = FOLDER / "current"
REMOVED = FOLDER / ".removed"
"""For root alone: where a release is moved to be removed."""
HOME = Path("/var/lib/app")
CACHE = Path("/var/cache/app-build")
"""What package managers keep from build to build. The app's, but only a build can write there. It
obeys what a web process may have left in ``HOME``, though. Root never looks into it."""
RUNTIMES = Path("/var/lib/app-runtimes")
"""Runtimes that Debian does not have, each in a folder of its own; only a build can write there."""
CACHE_MIB = 1024
"""What each of the caches may have. A larger one is emptied, and the next build fills it anew."""
ROOM_MIB = 2048
"""Old releases go, whatever their number, until a new one has this, or a tenth of a small disk."""
LEAST_MIB = 300
"""A build is not begun with less."""
COMPLETE = STATE / "releases"
SERVED = STATE / "served.json"
"""Which releases have served, the last one at the end: ``release``, ``at``."""
MOST_SERVED = 50
MOST_OF_A_LOG = 1024**2
USER = "app"
ENVIRONMENT = "/etc/app/app.env"
RELEASE_ENVIRONMENT = "/etc/app/release.env"
"""What the release command has in place of some of its values: the direct database address."""
IN_RELEASE = "/usr/local/lib/stages/in-release"
"""Runs a command in a release with the release's own programs first."""
TOOLS = {
    "HOME": HOME,
    "STAGES_RUNTIMES": RUNTIMES,
    "XDG_CACHE_HOME": CACHE,
    "BUNDLE_USER_CACHE": CACHE / "bundle",
    "GRADLE_USER_HOME": CACHE / "gradle",
    "MAVEN_OPTS": f"-Dmaven.repo.local={CACHE / 'maven'}",
    "MAVEN_USER_HOME": CACHE / "maven-wrapper",
    "npm_config_cache": CACHE / "npm",
    "PIP_CACHE_DIR": CACHE / "pip",
    "UV_CACHE_DIR": CACHE / "uv",
    "UV_LINK_MODE": "copy",
}
"""Where package managers keep things; the app's own variables go before these."""
UNPACK_TIMEOUT_S = 900
CACHES_TIMEOUT_S = 300
TOO_LARGE = """for kept in "$XDG_CACHE_HOME"/*; do
    [ "$(du -sm -- "$kept" | cut -f 1)" -le "$0" ] || rm -rf -- "$kept"
done"""
RELEASE_COMMAND_TIMEOUT_S = 900
LOCKED = "canceling statement due to lock timeout"
"""PostgreSQL's words (SQLSTATE 55P03)."""
LOCK_PAUSES_S = (2, 5, 10, 20)
BY_WHOM = "Another session kept a lock that it needs. "
JOB = "stages-release.service"
"""The transient unit in which a release is made: one at a time, and findable after a kill.

A drop-in gives it the hardening of the web processes (``components/host/app.py``).
"""


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
    if (COMPLETE / name).exists() and os.path.lexists(RELEASES / name):
        return
    _stop_job()
    if active() == name:  # Complete by definition, although the mark was lost.
        (COMPLETE / name).touch()
        return
    _make_room()
    _unpack(name)
    if build:
        step("build")
        done = as_app(build, RELEASES / name, build_timeout_s, "build")
        _bound_caches(RELEASES / name)
        if not done.ok:
            raise Failed(
                f"release {commit_of(name)[:12]}",
                f"the build failed ({_ending(done, build_timeout_s)})",
                f"The old release was not touched. On the host all of it is in {done.log}.",
                done.shown(),
            )
    (COMPLETE / name).touch()


def release_command(name: str, command: str, reconnect: str) -> None:
    """Run the Procfile's ``release`` line, with the direct database address; then ``reconnect``.

    One that ends because another session has a lock that it needs runs again, up to four times: it
    waits for 5 s alone, for all queries to that table wait behind it. A migration's transaction
    was undone by then.

    A command that fails may have changed a table before, so the pool reconnects after it as well.
    """
    step("release command")
    for pause_s in (*LOCK_PAUSES_S, 0):
        done = as_app(
            command, RELEASES / name, RELEASE_COMMAND_TIMEOUT_S, "release", RELEASE_ENVIRONMENT
        )
        if done.ok or LOCKED not in done.output or not pause_s:
            break
        note(f"the release command did not get a lock, it runs again in {pause_s} s")
        time.sleep(pause_s)
    pooler = shell(reconnect) if reconnect else Done(0, "")
    if not done.ok:
        raise Failed(
            f"release {commit_of(name)[:12]}",
            f"the release command failed ({_ending(done, RELEASE_COMMAND_TIMEOUT_S)}): {command}",
            f"{BY_WHOM if LOCKED in done.output else ''}"
            f"The old release was not touched. On the host all of it is in {done.log}.",
            done.shown(),
        )
    if not pooler.ok:
        raise Failed(
            f"release {commit_of(name)[:12]}",
            f"the pool did not reconnect after the release command: {pooler.last_line()}",
            "The old release still serves. Look at `journalctl -u pgbouncer` on the host.",
        )


def switch(name: str) -> None:
    """Point ``current`` at a release, in one step."""
    temporary = FOLDER / ".current.new"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(f"releases/{name}")
    temporary.rename(CURRENT)


def complete() -> list[str]:
    """Names of the releases that are here, whole; the last that was made or served comes first."""
    marks = sorted(COMPLETE.iterdir(), key=lambda mark: mark.stat().st_mtime, reverse=True)
    return [mark.name for mark in marks if os.path.lexists(RELEASES / mark.name)]


def remember() -> None:
    """Note down that the active release serves since now, unless it did so before."""
    name, served = active(), read_json(SERVED, [])
    if name and (not served or served[-1]["release"] != name):
        write_json(SERVED, [*served, {"release": name, "at": round(time.time())}][-MOST_SERVED:])
        (COMPLETE / name).touch()


def releases(document: dict[str, Any]) -> dict[str, object]:
    """Which releases are here, when each served, and what making ``document["log"]`` printed."""
    log = str(document.get("log") or "")
    files = sorted(LOGS.glob(f"*-{log[:12]}-*.log"))[-2:] if log.isalnum() else []
    return {
        "active": active(),
        "complete": complete() if COMPLETE.exists() else [],
        "served": read_json(SERVED, []),
        "log": "".join(
            f"{file.name}\n{file.read_bytes()[-MOST_OF_A_LOG:].decode(errors='replace')}\n"
            for file in files
        ),
    }


def prune(keep: int, *also: str) -> None:
    """Remove the oldest releases beyond ``keep``, never the active one."""
    names = sorted(COMPLETE.iterdir(), key=lambda mark: mark.stat().st_mtime, reverse=True)
    for mark in names[max(keep, 1) :]:
        if mark.name not in {active(), *also}:
            mark.unlink()
    for folder in RELEASES.iterdir():
        if not (COMPLETE / folder.name).exists() and folder.name not in {active(), *also}:
            folders.remove(folder, REMOVED)


def _make_room() -> None:
    """Remove the oldest releases until a new one has room, never the active one."""
    marks = sorted(COMPLETE.iterdir(), key=lambda mark: mark.stat().st_mtime)
    for mark in marks:
        if _free_mib() >= min(ROOM_MIB, shutil.disk_usage(RELEASES).total // 10 // 1024**2):
            return
        if mark.name != active():
            note(f"release {commit_of(mark.name)[:12]}: removed, for the disk has little room")
            mark.unlink()
            folders.remove(RELEASES / mark.name, REMOVED)
    if _free_mib() < LEAST_MIB:
        raise Failed(
            "release",
            f"should have {LEAST_MIB} MiB of the disk free for a new one, has {_free_mib()}",
            "Old releases are removed already: look for what else is large with `du -xm / | sort"
            " -n` on the host, or take a larger server (stages:server.plan).",
        )


def _free_mib() -> int:
    return shutil.disk_usage(RELEASES).free // 1024**2


def _bound_caches(folder: Path) -> None:
    """Empty each cache that has grown too large. The app does it: the folders are its own."""
    run(job(folder, CACHES_TIMEOUT_S, (), "/bin/bash", "-c", TOO_LARGE, str(CACHE_MIB)))


def as_app(command: str, folder: Path, timeout_s: int, what: str, *environment: str) -> Logged:
    """Run a shell command in a release: as the app, with its environment and its hardening.

    ``what`` it is (``build``, ``release``) is a part of its log's name; ``environment`` are more
    files of variables, which go before the app's.
    """
    began = time.monotonic()
    argv = job(folder, timeout_s, environment, IN_RELEASE, "/bin/bash", "-e", "-c", command)
    done = follow(argv, f"{commit_of(folder.name)[:12]}-{what}", timeout_s=timeout_s + 30)
    if not done.ok and time.monotonic() - began >= timeout_s:
        _stop_job()
        return replace(done, code=TIMEOUT_EXIT)
    return done


def job(folder: Path, timeout_s: int, environment: Iterable[str], *command: str) -> list[str]:
    """The command line that runs a command in a release and may write there."""
    argv = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", f"--unit={JOB}"]
    properties = {
        "User": USER,
        "Group": USER,
        "WorkingDirectory": str(folder),
        "ReadWritePaths": str(folder),
        "Environment": " ".join(f"{key}={value}" for key, value in TOOLS.items()),
        "CacheDirectory": CACHE.name,
        "CacheDirectoryMode": "0700",
        "StateDirectory": RUNTIMES.name,
        "RuntimeMaxSec": str(timeout_s),
        "TimeoutStopSec": "5",
        # Requests go first: a build yields to them, and is ended first when memory runs out.
        "Nice": "10",
        "OOMScoreAdjust": "500",
    }
    settings = [f"--property={key}={value}" for key, value in properties.items()]
    settings += [f"--property=EnvironmentFile=-{file}" for file in (ENVIRONMENT, *environment)]
    # The variables are the shell's to expand: systemd would put their values into the program text.
    return [*argv, *settings, "--expand-environment=no", "--", *command]


def _ending(done: Done, timeout_s: int) -> str:
    if done.code == TIMEOUT_EXIT:
        return f"still running after {timeout_s} s"
    return f"exit code {done.code}"


def _stop_job() -> None:
    run(["systemctl", "stop", JOB])


def _unpack(name: str) -> None:
    """Ask for the archive and unpack it as the app's user, under a temporary name first."""
    step("release")
    final, temporary = RELEASES / name, RELEASES / f".{name}.new"
    for leftover in (final, temporary):
        folders.remove(leftover, REMOVED)
    temporary.mkdir(mode=0o700)
    shutil.chown(temporary, USER, USER)
    tell(want="archive")
    incoming = sys.stdin.buffer
    cut = Failed("release", "the archive was cut off on its way", "Run it again.")
    try:
        remaining = int(incoming.readline())
    except ValueError:
        raise cut from None
    argv = job(temporary, UNPACK_TIMEOUT_S, (), "tar", "--extract", "--no-same-owner")
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None  # noqa: S101
        try:
            while remaining and (block := incoming.read(min(remaining, 1 << 20))):
                process.stdin.write(block)
                remaining -= len(block)
            process.stdin.close()
        except BrokenPipeError:
            pass
        assert process.stderr is not None  # noqa: S101
        reason = process.stderr.read().decode(errors="replace")
    if remaining:
        raise cut
    if process.returncode != 0:
        raise Failed("release", f"the archive does not unpack: {Done(1, reason).last_line()}")
    os.sync()
    temporary.rename(final)
