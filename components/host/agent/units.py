"""systemd units: their state, and the verbs that change it."""

from __future__ import annotations

from components.host.agent.report import Done, Failed, run

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


def is_skipped(found: dict[str, str]) -> bool:
    """Whether a unit does not run because its own ``ExecCondition`` says that it need not."""
    return found.get("ActiveState") == "inactive" and found.get("Result") == "exec-condition"


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


def act(verb: str, unit: str) -> Done:
    """Start, stop, reload or restart; earlier failures do not count against it."""
    if verb in {"start", "restart"}:
        run(["systemctl", "reset-failed", "--", unit])
    return run(["systemctl", verb, "--", unit], timeout_s=TIMEOUT_S)


def journal(unit: str, lines: int = 20) -> str:
    """The last lines that a unit logged."""
    argv = ["journalctl", "--no-pager", "--output=cat", f"--lines={lines}", f"--unit={unit}"]
    return run(argv).output.strip()
