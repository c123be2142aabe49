"""Starts systemd-nspawn for a host, so that it lives on by itself, and ends it by force."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.clouds.local import cgroup, machine
from components.errors import UserError

NSPAWN = Path("/run/systemd/nspawn")
TIMEOUT_S = 20
"""The call only starts the supervisor; what takes longer hangs."""


def launch(
    *,
    key: str,
    memory_mib: int,
    pid_file: Path,
    console: Path,
    root: Path,
    overlay: str,
    container: str,
    hostname: str,
    bridge: str,
    disks: Mapping[str, str],
) -> None:
    """Start a container; returns while it boots.

    ``overlay``: mount options of its root, mounted in a mount namespace of its own. ``container``:
    nspawn's name for it, from which its MAC follows. ``disks``: devices of the machine by the path
    that they have inside. The supervisor writes its pid into ``pid_file`` before all else.
    """
    nspawn = [
        *("systemd-nspawn", "--quiet", "--boot", "--settings=no"),
        *("--register=no", "--keep-unit", "--link-journal=no"),
        *("--resolv-conf=off", "--timezone=off"),
        f"--directory={root}",
        f"--machine={container}",
        f"--hostname={hostname}",
        f"--network-bridge={bridge}",
        *(f"--bind={device}:{_escape(node)}" for node, device in disks.items()),
    ]
    port = f"/sys/class/net/{interface(container)}/brport/hairpin_mode"
    groups = [] if _systemd_runs() else cgroup.make(key, memory_mib)
    script = [
        "set -eu",
        *(f"echo $$ > {shlex.quote(str(group))}" for group in groups),
        f"echo $$ > {shlex.quote(f'{pid_file}.new')}",
        shlex.join(["mv", f"{pid_file}.new", str(pid_file)]),
        shlex.join(["mount", "-t", "overlay", "-o", overlay, "stages", str(root)]),
        # Where the machine's bridges pass through its firewall (Docker asks for that), a host that
        # calls the static address which leads to itself gets its packet back from the bridge.
        "hairpin() {",
        "  for _ in 1 2 3 4 5 6 7 8 9 10; do",
        f"    echo 1 2>/dev/null > {shlex.quote(port)} && return; sleep 0.2",
        "  done",
        "}",
        # nspawn leaves a reboot from inside to its service manager, by this exit code.
        "hairpin 2>/dev/null &",
        f"while rc=0; {shlex.join(nspawn)} || rc=$?; [ $rc = 133 ]; do hairpin 2>/dev/null & done",
    ]
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(script)]
    # A session of its own, or the supervisor dies with the engine's process group; no inherited
    # output, or the engine waits for the host to stop.
    detached = ["setsid", "--fork"]
    if _systemd_runs():
        detached = [
            *("systemd-run", "--quiet", "--collect", f"--unit={_unit(key)}"),
            *("--slice=machine.slice", "-p", "Delegate=yes", "-p", "KillMode=mixed"),
            *("-p", f"MemoryMax={memory_mib}M", "-p", f"StandardOutput=append:{console}"),
            *("-p", f"StandardError=append:{console}"),
            *("-p", "Environment=SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1"),
        ]
    _start([*detached, *argv], console, hostname)


def _start(argv: Sequence[str], console: Path, hostname: str) -> None:
    """Run what starts the supervisor; its output is the console's."""
    try:
        with console.open("ab") as output:
            subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                close_fds=True,
                timeout=TIMEOUT_S,
                check=True,
            )
    except (OSError, subprocess.SubprocessError) as problem:
        said = f"no end after {TIMEOUT_S} s"
        if isinstance(problem, subprocess.CalledProcessError):
            lines = console.read_text(errors="replace").strip().splitlines()
            said = lines[-1] if lines else f"exit code {problem.returncode}"
        elif isinstance(problem, OSError):
            said = f"{problem.filename}: {problem.strerror}"
        raise UserError(
            f"Host {hostname}: {argv[0]} does not start it: {said}", exit_code=1
        ) from None


def interface(container: str) -> str:
    """The machine's end of a container's network interface."""
    return f"vb-{container}"


def kill(key: str) -> None:
    """Kill all processes of the host, its supervisor included."""
    if _systemd_runs():
        machine.run(["systemctl", "kill", "--signal=KILL", _unit(key)], check=False)
    else:
        cgroup.kill(key)


def remove_group(key: str) -> None:
    """Remove the control group of a host whose processes have ended."""
    if not _systemd_runs():
        cgroup.remove(key)


def tidy(container: str, upper: Path) -> None:
    """Remove what nspawn leaves in ``/run`` when it is killed."""
    shutil.rmtree(NSPAWN / "propagate" / container, ignore_errors=True)
    if not upper.exists():
        return
    for lock in (NSPAWN / "locks").glob(f"inode-*:{upper.stat().st_ino}"):
        with lock.open("r+b") as handle:
            try:
                fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue  # of another container that runs, on another file system
            lock.unlink()


def _unit(key: str) -> str:
    return f"stages-{key}.service"


def _escape(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:")


def _systemd_runs() -> bool:
    """Whether systemd runs the machine (then it owns the control groups). Untested there."""
    return Path("/run/systemd/system").is_dir()
