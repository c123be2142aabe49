"""What a host does before it goes: nothing may be lost with it."""

from __future__ import annotations

import time
from typing import Any

from components.host.converge import units
from components.host.converge.report import Done, Failed, run, shell, step


def farewell(document: dict[str, Any]) -> dict[str, object]:
    """Stop the web units, wait until the jobs are done, stop the workers, run the commands."""
    app, last = document["app"], document["farewell"]
    timeout_s = float(last["timeout_s"])
    for unit in app["web_units"]:
        _stop(unit)
    if last["drained"]:
        _drain(last["drained"], timeout_s)
    killed = [unit for unit in app["worker_units"] if _stop(unit) == "timeout"]
    if killed:
        raise Failed(
            ", ".join(killed),
            "did not finish its jobs in the time its unit gives it, and was killed",
            "Look which job it was; the next try goes on from here.",
        )
    for command in last["commands"]:
        step(f"farewell: {command}")
        done = shell(command, timeout_s=timeout_s)
        if not done.ok:
            raise Failed(
                "farewell",
                f"`{command}` failed: {done.last_line()}",
                "The host stays, so that nothing is lost. Mend it and run it again.",
                done.tail(),
            )
    run(["sync"])
    return {"farewell": "done"}


def _stop(unit: str) -> str:
    """Stop a unit that is there; say how it ended (``timeout``: it was killed)."""
    if units.state(unit).get("ActiveState") in {"inactive", "failed"}:
        return ""
    step(f"stop {unit}")
    done = units.act("stop", unit)
    if not done.ok:
        raise Failed(unit, f"does not stop: {done.last_line()}", "The host stays.")
    return units.state(unit).get("Result", "")


def _drain(command: str, timeout_s: float) -> None:
    step("drain")
    deadline = time.monotonic() + timeout_s
    done = Done(1, "")
    while not done.ok:
        done = shell(command, timeout_s=timeout_s)
        if not done.ok and time.monotonic() > deadline:
            raise Failed(
                "farewell",
                f"jobs are left after {timeout_s:g} s: {done.last_line()}",
                "The host stays and its worker goes on; run it again when they are done.",
            )
        if not done.ok:
            time.sleep(0.5)
