"""Takes a host out of service so that nothing is lost with it, and puts it back.

Whatever can refuse is asked first. A shutdown that fails in the middle starts again what it
stopped: the host serves as before, and the error says so.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from components.host.agent import promotion_record, queue, sessions, units, web
from components.host.agent.report import Done, Failed, run, shell, step

NEVER_KILLED = "[Service]\nTimeoutStopSec=1h\n"
"""For a worker during a shutdown: one that does not end in time is kept, with its jobs."""
START_TIMEOUT_S = 60


def shutdown(document: dict[str, Any]) -> dict[str, object]:
    """Let the jobs end, then stop everything, in order; or leave the host in service.

    Where the queue outlives the host, workers stop while the web units still serve, and what waits
    in it stays there. Else the web units stop first, and ``drained`` says when the queue is empty.
    """
    last = document["shutdown"]
    sessions.refuse_on(last.get("mount") or "")
    if last["drained"] and last.get("queue"):
        queue.refuse_planned(last["queue"])
    try:
        _stop_all(document, float(last["timeout_s"]))
    except Failed as failure:
        raise failure.say(_back(document)) from failure
    run(["sync"])
    return {"shutdown": "done"}


def give_queue(document: dict[str, Any], *, again: bool = False) -> dict[str, object]:
    """Let the jobs that are under way end, stop all that uses the queue, and give what it holds.

    For a host whose address leads to another one already: it stays so, with its queue as it is,
    until that one has the jobs. What fails before puts it back into service; not ``again``, in a
    run after one that was interrupted, for the other one may have the jobs by then.
    """
    last = document["shutdown"]
    queue.connect(last["queue"])
    try:
        _stop_workers(document["app"], float(last["timeout_s"]))
        _stop_web(document["app"])
        return queue.packed(last["queue"])
    except Failed as failure:
        if again:
            raise
        raise failure.say(_back(document)) from failure


def stand_by(document: dict[str, Any]) -> dict[str, object]:
    """Stop the app, workers first, and keep it so at a reboot: a promotion fills its database. What
    is in the queue is set aside, too.
    """
    promotion_record.write(phase=promotion_record.COPYING, side="to", other=document["other"])
    _stop_workers(document["app"], float(document["shutdown"]["timeout_s"]))
    _stop_web(document["app"])
    queue.set_aside(document["shutdown"]["queue"])
    units.disable(app_units(document["app"]))
    return {}


def serve_promoted(document: dict[str, Any]) -> dict[str, object]:
    """Start the web processes: their database has all of the other stack's. The workers follow with
    the other stack's queue."""
    at = promotion_record.read().get("at") or time.time()
    # All of it: an end that was killed may have taken the record away.
    promotion_record.write(
        phase=promotion_record.SWITCHED, side="to", other=document["other"], at=at
    )
    step("start the web processes")
    units.enable(document["app"]["web_units"])
    for unit in document["app"]["web_units"]:
        units.act("start", unit)
    readiness = document["readiness"]
    silent = web.wait(readiness["urls"], readiness["host_header"], START_TIMEOUT_S)
    if silent:
        raise Failed("the site", f"does not answer on stage 2: {', '.join(silent)}")
    return {}


def serve(document: dict[str, Any]) -> dict[str, object]:
    """Start what a shutdown stopped; a host that serves already is left as it is."""
    app = document["app"]
    units.enable(app_units(app))
    if not all(units.is_active(unit) for unit in app["web_units"]):
        step("start the app")
        silent = _start_all(document)
        if silent:
            raise Failed(
                "the site",
                f"does not answer after a shutdown that was undone: {silent}",
                "Look at the log of the service behind it with `journalctl` on the host.",
            )
    for unit in app["worker_units"]:
        if not units.is_active(unit) and not units.is_skipped(units.state(unit)):
            units.act("start", unit)
    return {"serves": "yes"}


def app_units(app: dict[str, Any]) -> list[str]:
    return [*app["web_units"], *app["worker_units"]]


def _stop_all(document: dict[str, Any], timeout_s: float) -> None:
    app, last = document["app"], document["shutdown"]
    if last["drained"]:
        _stop_web(app)
        _drain(last["drained"], timeout_s)
        _stop_workers(app, timeout_s)
    else:
        _stop_workers(app, timeout_s)
        _stop_web(app)
    for command in last["commands"]:
        step(f"shutdown: {command}")
        done = shell(command, timeout_s=timeout_s)
        if not done.ok:
            raise Failed(
                "shutdown",
                f"`{command}` failed: {done.last_line()}",
                "Fix what it names on the host, and run this again.",
                done.tail(),
            )


def _stop_web(app: dict[str, Any]) -> None:
    """All at once: a websocket has 25 s at each of them before it hears of the stop."""
    spare = [unit for unit in app.get("spare", ())[:1] if unit]  # not in a state from before
    there = " ".join(unit for unit in [*spare, *app["web_units"]] if _is_running(unit))
    if not there:
        return
    step(f"stop {there}")
    done = run(["systemctl", "stop", "--", *there.split()], timeout_s=units.TIMEOUT_S)
    if not done.ok:
        raise Failed(there, f"does not stop: {done.last_line()}", "Its log says why; run it again.")


def _stop_workers(app: dict[str, Any], timeout_s: float) -> None:
    """Stop the workers; jobs that are under way come to their end, and none is ever killed."""
    workers = [unit for unit in app["worker_units"] if _is_running(unit)]
    for unit in workers:
        _keep_from_being_killed(unit)
    if not workers:
        return
    step(f"stop {' '.join(workers)}: running jobs finish first")
    run(["systemctl", "stop", "--no-block", "--", *workers])
    deadline = time.monotonic() + timeout_s
    while busy := [unit for unit in workers if _is_running(unit)]:
        if time.monotonic() > deadline:
            raise Failed(
                ", ".join(busy),
                f"a job is still running after {timeout_s:g} s",
                "Run it again when the job is done.",
            )
        time.sleep(0.2)


def _is_running(unit: str) -> bool:
    """One that an earlier shutdown has told to stop runs until its job has ended."""
    return units.state(unit).get("ActiveState") not in {"inactive", "failed"}


def _drop_in(unit: str) -> Path:
    return Path(f"/run/systemd/system/{unit}.d/90-stages-shutdown.conf")


def _keep_from_being_killed(unit: str) -> None:
    file = _drop_in(unit)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(NEVER_KILLED)
    run(["systemctl", "daemon-reload"])


def _drain(command: str, timeout_s: float) -> None:
    step("drain")
    deadline = time.monotonic() + timeout_s
    done = Done(1, "")
    while not done.ok:
        done = shell(command, timeout_s=timeout_s)
        if not done.ok and time.monotonic() > deadline:
            raise Failed(
                "shutdown",
                f"jobs are left after {timeout_s:g} s: {done.last_line()}",
                "Run it again when they are done.",
            )
        if not done.ok:
            time.sleep(0.5)


def _back(document: dict[str, Any]) -> str:
    """Put the host back into service; a sentence on how that went."""
    silent = _start_all(document)
    if silent:
        return f"it was put back into service and does not answer: {silent}"
    return "the host is back in service and the site answers as before"


def _start_all(document: dict[str, Any]) -> str:
    """Start every unit in the order in which they were converged; what keeps the site from
    answering, or nothing."""
    app, readiness = document["app"], document["readiness"]
    services = [service["unit"] for service in document["services"]]
    for unit in services:
        if not units.is_active(unit):
            step(f"start {unit}")
            units.act("start", unit)
    for unit in app["web_units"]:
        units.begin(unit)  # Until it is ready is waited for below.
    for unit in app["worker_units"]:
        # One that still ends its job starts when it has.
        run(["systemctl", "start", "--no-block", "--", unit])
    silent = web.wait(readiness["urls"], readiness["host_header"], START_TIMEOUT_S)
    return ", ".join(f"{url} answered {answer!r}" for url, answer in silent.items())
