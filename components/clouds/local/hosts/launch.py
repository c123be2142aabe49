"""Starts systemd-nspawn for a host, so that it lives on by itself, and ends it by force."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.clouds.local.hosts import cgroup, machine, units
from components.errors import StepFailed

NSPAWN = Path("/run/systemd/nspawn")
TIMEOUT_S = 20
"""The call only starts the supervisor; what takes longer hangs."""
DISKS = "disks"
"""What systemd-nspawn binds, a line each."""
START = Path(__file__).parent / "files" / "start.sh"


def launch(
    *,
    key: str,
    folder: Path,
    memory_mib: int,
    overlay: str,
    container: str,
    hostname: str,
    bridge: str,
    disks: Mapping[str, str],
) -> None:
    """Start the container of the host in ``folder``; returns while it boots.

    ``overlay``: mount options of its root, mounted in a mount namespace of its own. ``container``:
    nspawn's name for it, from which its MAC follows. ``disks``: devices of the machine by the path
    that they have inside. The supervisor writes its pid into ``supervisor.pid`` before all else.
    """
    nspawn = [
        *("systemd-nspawn", "--quiet", "--boot", "--settings=no"),
        *("--register=no", "--keep-unit", "--link-journal=no"),
        *("--resolv-conf=off", "--timezone=off"),
        f"--directory={folder / 'root'}",
        f"--machine={container}",
        f"--hostname={hostname}",
        f"--network-bridge={bridge}",
    ]
    note_disks(folder, disks)
    groups = [] if units.systemd_runs() else cgroup.make(key, memory_mib)
    script, console = folder / "start.sh", folder / "console.log"
    machine.write(script, START.read_text(), 0o600)  # its own copy: the checkout may change
    port = f"/sys/class/net/{interface(container)}/brport/hairpin_mode"
    command = [
        *("unshare", "--mount", "--propagation", "private", "sh", str(script)),
        *(str(folder / "supervisor.pid"), overlay, str(folder / "root"), port),
        str(folder / DISKS),
        *(*map(str, groups), "--", *nspawn),
    ]
    # A session of its own, or the supervisor dies with the engine's process group; no inherited
    # output, or the engine waits for the host to stop.
    detached = ["setsid", "--fork", *command]
    if units.systemd_runs():
        unit = units.of_host(key)
        detached = units.starting(
            unit, hostname=hostname, memory_mib=memory_mib, console=console, command=command
        )
    _start(detached, console, hostname)


def note_disks(folder: Path, disks: Mapping[str, str]) -> None:
    """Note a host's disks for its next boot, which may be a reboot from inside; like ``launch``."""
    lines = (f"{device}:{_escape(node)}\n" for node, device in disks.items())
    machine.write(folder / DISKS, "".join(lines), 0o600)


def _start(argv: Sequence[str], console: Path, hostname: str) -> None:
    """Run what starts the supervisor; its output is the console's."""
    try:
        with console.open("ab") as output:
            subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                close_fds=True,
                timeout=TIMEOUT_S * machine.patience(),
                check=True,
            )
    except (OSError, subprocess.SubprocessError) as problem:
        reason = f"no end after {TIMEOUT_S * machine.patience():g} s{machine.load()}"
        if isinstance(problem, subprocess.CalledProcessError):
            lines = console.read_text(errors="replace").strip().splitlines()
            reason = lines[-1] if lines else f"exit code {problem.returncode}"
        elif isinstance(problem, OSError):
            reason = f"{problem.filename}: {problem.strerror}"
        raise StepFailed(f"Host {hostname}: {argv[0]} does not start it: {reason}") from None


def interface(container: str) -> str:
    """The machine's end of a container's network interface."""
    return f"vb-{container}"


def kill(key: str) -> None:
    """Kill all processes of the host, its supervisor included."""
    if units.systemd_runs():
        units.kill(units.of_host(key))
    else:
        cgroup.kill(key)


def remove_group(key: str) -> None:
    """Remove the control group of a host whose processes have ended."""
    if not units.systemd_runs():
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


def _escape(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:")
