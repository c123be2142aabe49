"""systemd units: their state, and the verbs that change it."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from components.host.agent.report import Done, Failed, run

PSS = re.compile(r"^Pss: +(\d+) kB", re.MULTILINE)
TIMEOUT_S = 3600
"""A unit's own start and stop timeouts end first: for a worker, how long a job may take."""


def state(unit: str) -> dict[str, str]:
    """What systemd says of a unit."""
    keys = "LoadState,ActiveState,SubState,UnitFileState,InvocationID,Result,MainPID,NRestarts"
    done = run(["systemctl", "show", f"--property={keys}", "--", unit])
    return dict(line.split("=", 1) for line in done.output.splitlines() if "=" in line)


def is_active(unit: str) -> bool:
    """Whether it runs; a unit in the middle of a reload does."""
    return state(unit).get("ActiveState") in {"active", "reloading"}


def is_skipped(status: dict[str, str]) -> bool:
    """Whether a unit does not run because its own ``ExecCondition`` says that it need not."""
    return status.get("ActiveState") == "inactive" and status.get("Result") == "exec-condition"


def enable(names: list[str]) -> None:
    """Have units started at boot; one that cannot be enabled is started by something else.

    All at once, because systemd reads all its files again each time, and without the links of
    System V's boot, which nothing here reads.
    """
    off = [unit for unit in names if state(unit).get("UnitFileState") == "disabled"]
    if not off:
        return
    argv = ["systemctl", "enable", "--quiet", *off]
    done = run(argv, environment={"SYSTEMCTL_SKIP_SYSV": "1"})
    if not done.ok:
        raise Failed(" ".join(off), f"cannot be enabled: {done.last_line()}")


def disable(names: list[str]) -> None:
    """Have units no longer started at boot; those that run go on."""
    run(["systemctl", "disable", "--quiet", *names], environment={"SYSTEMCTL_SKIP_SYSV": "1"})


def act(verb: str, unit: str) -> Done:
    """Start, stop, reload or restart; earlier failures do not count against it."""
    if verb in {"start", "restart"}:
        run(["systemctl", "reset-failed", "--", unit])
    return run(["systemctl", verb, "--", unit], timeout_s=TIMEOUT_S)


def begin(unit: str) -> Done:
    """Start a unit without waiting until it is ready."""
    run(["systemctl", "reset-failed", "--", unit])
    return run(["systemctl", "start", "--no-block", "--", unit])


def memory_kib(proc: Path = Path("/proc")) -> dict[str, int]:
    """The memory of each unit's processes, what they share counted once.

    By process and not by control group, where pages of files that were read once count as well and
    which has no such number on every machine.
    """
    sizes: dict[str, int] = defaultdict(int)
    for process in proc.iterdir():
        if not process.name.isdecimal():
            continue
        try:
            groups = (process / "cgroup").read_text().split("/")
            size = PSS.search((process / "smaps_rollup").read_text())
        except OSError:  # it has ended meanwhile
            continue
        for unit in {name.strip() for part in groups for name in part.split("\n")}:
            if size and unit.endswith(".service"):
                sizes[unit] += int(size[1])
    return sizes


def memory_mib(names: list[str]) -> int:
    """The memory of the largest of some units."""
    memory = memory_kib()
    return max((memory.get(name, 0) for name in names), default=0) // 1024


def free_mib(meminfo: Path = Path("/proc/meminfo")) -> int:
    """What more processes can have without others' being swapped out."""
    available = re.search(r"^MemAvailable: +(\d+) kB", meminfo.read_text(), re.MULTILINE)
    return int(available[1]) // 1024 if available else 0


def journal(unit: str, lines: int = 20) -> str:
    """The last lines that a unit logged."""
    argv = ["journalctl", "--no-pager", "--output=cat", f"--lines={lines}", f"--unit={unit}"]
    return run(argv).output.strip()
