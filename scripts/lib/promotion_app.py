"""The app of a promotion moves from one server to the other: its requests, then its jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from components.host import certificate, valkey
from components.host.agent import promotion_record
from components.remote import document
from scripts.lib import app_server
from scripts.lib.promotion_pair import COPY_S, SWITCH_S, Pair, position


def stand_by(both: Pair) -> None:
    """Stop the app of stage 2."""
    both.new_server.perform(
        {"mode": "stand by", "other": both.old.stack, **_with_queue(both.new_server)},
        both.say,
        deadline_s=COPY_S,
    )


def serve(both: Pair) -> None:
    """Start all of stage 2's app."""
    both.new_server.perform(
        {"mode": "serve", **_serving(both.new_server)}, both.say, deadline_s=SWITCH_S
    )


def move_app(both: Pair) -> None:
    """Requests and jobs of stage 1 go to stage 2; one that did so already is left as it is."""
    where = str(position(both)["app"])
    if where == promotion_record.RETURNING:  # a rollback was interrupted: it has the queue first
        _bring_back(both)
    _copy_certificate(both)
    if where != promotion_record.THERE:
        _count_on(both.old_server, both.new_server, both.say)
    asked = {"mode": "serve promoted", "other": both.old.stack, **_serving(both.new_server)}
    both.new_server.perform(asked, both.say, deadline_s=SWITCH_S)
    if where != promotion_record.THERE:
        _move_there(both)
    serve(both)


def move_app_back(both: Pair) -> None:
    """Requests and jobs of stage 2 go to stage 1, whose app starts; that of stage 2 stops."""
    if position(both)["app"] == promotion_record.LEAVING:
        _move_there(both)  # a switch was interrupted: stage 2 has the queue first
    _bring_back(both)


def _copy_certificate(both: Pair) -> None:
    """So that visitors whom the site's name leads to stage 2 are served with it at once."""
    domain = both.new.settings.domain
    if not domain or domain != both.old.settings.domain:
        return
    given = both.old_server.perform({"mode": "give", "folder": certificate.SERVED}, both.say)
    folder = f"{certificate.BROUGHT}/{domain}"
    asked = {"mode": "promotion take certificate", "folder": folder, **given}
    both.new_server.perform(asked, both.say, deadline_s=SWITCH_S)


def _move_there(both: Pair) -> None:
    old, new = _with_queue(both.old_server), _with_queue(both.new_server)
    given = both.old_server.perform(
        {"mode": "promotion leave", **old}, both.say, deadline_s=app_server.ROLL_S
    )
    taken = {"mode": "take queue", "shutdown": new["shutdown"], "given": given}
    both.new_server.perform(taken, both.say, deadline_s=COPY_S)
    both.old_server.perform({"mode": "promotion left"}, both.say)


def _bring_back(both: Pair) -> None:
    old, new = _with_queue(both.old_server), _with_queue(both.new_server)
    _count_on(both.new_server, both.old_server, both.say)
    both.old_server.perform({"mode": "promotion come back", **old}, both.say, deadline_s=SWITCH_S)
    given = both.new_server.perform(
        {"mode": "promotion give back", "other": both.old.stack, **new},
        both.say,
        deadline_s=app_server.ROLL_S,
    )
    taken = {"mode": "take queue", "shutdown": old["shutdown"], "given": given}
    both.old_server.perform(taken, both.say, deadline_s=COPY_S)
    both.new_server.perform({"mode": "forget queue", "shutdown": new["shutdown"]}, both.say)
    both.old_server.perform({"mode": "promotion came back"}, both.say)


def _count_on(
    before: app_server.AppServer, after: app_server.AppServer, say: Callable[[str], None]
) -> None:
    """A server that is about to serve numbers its jobs from beyond those of the one before it."""
    known = before.perform({"mode": "give counters", **_with_queue(before)}, say)
    after.perform({"mode": "take counters", **_with_queue(after), **known}, say)


def _with_queue(server: app_server.AppServer) -> dict[str, Any]:
    """What it takes to stop its app and to reach its queue, also where that is on a data volume."""
    serving = _serving(server)
    return {**serving, "shutdown": {**serving["shutdown"], "queue": dict(valkey.WHERE)}}


def _serving(server: app_server.AppServer) -> dict[str, Any]:
    return {key: app_server.plain(server.configuration[key]) for key in document.IN_SERVICE}
