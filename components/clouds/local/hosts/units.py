"""What systemd does for the local cloud where it runs the machine: each host is a unit of its own.

Elsewhere (a container without systemd) nothing here is called, and ``cgroup.py`` does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from components.clouds.local.hosts import machine

FOLDER = Path("/etc/systemd/system")
ENDED_TIMEOUT_S = 30
"""Until systemd has forgotten a unit whose processes were killed; it takes milliseconds."""


def systemd_runs() -> bool:
    """Whether systemd runs the machine: then it owns the control groups."""
    return Path("/run/systemd/system").is_dir()


def of_host(key: str) -> str:
    """The unit of a host."""
    return f"stages-{key}.service"


def starting(
    unit: str, *, hostname: str, memory_mib: int, console: Path, command: Sequence[str]
) -> list[str]:
    """The command that starts a unit which systemd forgets when it ends.

    systemd expands ``$`` in what it is given; a command for a shell belongs into a file.
    """
    return [
        *("systemd-run", "--quiet", "--collect", f"--unit={unit}"),
        f"--description=Stages: host {hostname}",
        *("--slice=machine.slice", "-p", "Delegate=yes", "-p", "KillMode=mixed"),
        *("-p", f"MemoryMax={memory_mib}M"),
        *("-p", f"StandardOutput=append:{console}", "-p", f"StandardError=append:{console}"),
        *(word.replace("$", "$$") for word in command),
    ]


def kill(unit: str) -> None:
    """Kill every process of the unit; returns when its name is free for another one."""
    machine.run(["systemctl", "kill", "--signal=KILL", unit], check=False)
    machine.wait_until(f"{unit} should end", ENDED_TIMEOUT_S, partial(_forgotten, unit))


def _forgotten(unit: str) -> bool:
    load = ["systemctl", "show", "--property=LoadState", "--value", unit]
    return machine.run(load).strip() == "not-found"


def install(unit: str, text: str) -> None:
    """Enable a unit for the machine's next boot; it is not started. Repeatable."""
    file = FOLDER / unit
    if file.exists() and file.read_text() == text:
        return
    machine.write(file, text)
    machine.run(["systemctl", "daemon-reload"])
    machine.run(["systemctl", "enable", "--quiet", unit])


def uninstall(unit: str) -> None:
    """Remove a unit that ``install`` made. Repeatable."""
    if (FOLDER / unit).exists():
        machine.run(["systemctl", "disable", "--quiet", "--now", unit])
        (FOLDER / unit).unlink(missing_ok=True)
        machine.run(["systemctl", "daemon-reload"])
        machine.run(["systemctl", "reset-failed", unit], check=False)
