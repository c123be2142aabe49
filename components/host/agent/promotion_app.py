"""The app of a promotion moves from one server to the other: its requests, then its jobs.

Both servers use the new database meanwhile. Each of these is repeated whole when it was killed, and
the record of stage 1 says where the app was going (``promotion_record.py``).
"""

from __future__ import annotations

from typing import Any

from components.host.agent import handover, promotion_tunnel, queue, shutdown, units, web
from components.host.agent import promotion_record as record
from components.host.agent.report import Failed, note, run, step

CERTIFICATE_S = 300
"""It asks an authority where the site's name leads here already."""


def take_certificate(document: dict[str, Any]) -> dict[str, object]:
    """On stage 2: serve the certificate of stage 1 until it has its own."""
    taken = handover.take(document)
    done = run(["systemctl", "start", "certbot.service"], timeout_s=CERTIFICATE_S)
    if not done.ok:
        note(f"the certificate of stage 1: {done.last_line()}")
    return taken


def leave(document: dict[str, Any]) -> dict[str, object]:
    """On stage 1: requests go to stage 2, jobs that are under way end, and the app stops.

    Gives what the queue holds. What fails before that leaves the app in service here; in a second
    run stage 2 may have the queue, and goes on with the requests.
    """
    served = _served(document)
    was_leaving = record.read().get("app") == record.LEAVING
    promotion_tunnel.forward(served["readiness"])
    record.write(app=record.LEAVING, served=served)
    try:
        given = shutdown.give_queue(served, again=was_leaving)
    except Failed:
        if not was_leaving:
            promotion_tunnel.serve_again()
            record.write(app=record.HERE)
        raise
    units.disable(shutdown.app_units(served["app"]))
    return given


def left(_document: dict[str, Any]) -> dict[str, object]:
    """On stage 1, when stage 2 has the queue: empty it."""
    queue.forget(record.read()["served"])
    record.write(app=record.THERE)
    return {}


def come_back(document: dict[str, Any]) -> dict[str, object]:
    """On stage 1: serve again, and wait until stage 2 has answered what it was sent. An app that
    does not answer stays on stage 2."""
    served = _served(document)
    was_there = record.read().get("app") == record.THERE
    record.write(app=record.RETURNING, served=served)
    units.enable(shutdown.app_units(served["app"]))
    step("start the web processes")
    for unit in served["app"]["web_units"]:
        units.begin(unit)
    readiness = served["readiness"]
    silent = web.wait(readiness["urls"], readiness["host_header"], shutdown.START_TIMEOUT_S)
    if silent:
        if was_there:
            units.disable(shutdown.app_units(served["app"]))
            for unit in served["app"]["web_units"]:
                units.act("stop", unit)
            record.write(app=record.THERE)
        raise Failed(
            "the site",
            f"does not answer on stage 1: {', '.join(silent)}; stage 2 serves as before",
            "The journal of the stage 1 server says why.",
        )
    promotion_tunnel.serve_again()
    return {}


def give_back(document: dict[str, Any]) -> dict[str, object]:
    """On stage 2: let its jobs end, stop its app, and give what its queue holds."""
    phase = record.read().get("phase", record.SWITCHED)
    was_giving = phase == record.COPYING
    record.write(phase=record.COPYING, side="to", other=document["other"])
    try:
        given = shutdown.give_queue(document, again=was_giving)
    except Failed:
        record.write(phase=phase)
        raise
    units.disable(shutdown.app_units(document["app"]))
    return given


def came_back(_document: dict[str, Any]) -> dict[str, object]:
    """On stage 1, when stage 2 has emptied its queue: start the workers."""
    for unit in record.read()["served"]["app"]["worker_units"]:
        units.begin(unit)
    record.write(app=record.HERE)
    return {}


def _served(document: dict[str, Any]) -> dict[str, Any]:
    """What the server ran before its app left: with the setting ``promoted_to`` it runs no app."""
    if document["app"]["web_units"]:
        return {key: document[key] for key in ("services", "app", "readiness", "shutdown")}
    served: dict[str, Any] = record.read()["served"]
    return served
