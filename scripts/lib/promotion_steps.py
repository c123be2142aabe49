"""What each step of a promotion does, once it is allowed and confirmed (``scripts/promote.py``)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from components.errors import Interrupted, StepFailed, UserError
from components.host.agent import promotion_record
from planning.promotion import methods, steps
from planning.promotion.obstacles import obstacles
from scripts.lib import (
    promotion,
    promotion_app,
    promotion_files,
    promotion_pair,
    promotion_settings,
    promotion_sides,
    promotion_words,
)
from scripts.lib.promotion_pair import COMPARE_S, COPY_S, INDEXES_S, SWITCH_S, Pair
from scripts.lib.promotion_progress import (
    CUT_OFF,
    indexes,
    is_cut_off,
    look,
    progress_line,
    show_state,
)
from scripts.lib.promotion_settings import PROMOTED_TO

LOOK_S = 1.0


def plan(
    both: Pair,
    wanted: str | None,
    stall_s: float | None,
    *,
    replace: bool,
    without_files: bool,
) -> dict[str, Any]:
    old, new = promotion_sides.sides(both)
    method = methods.choose(old, new, wanted, stall_s)
    listed = obstacles(old, new, method, replace=replace, without_files=without_files)
    for line in steps.lines(old, new, method, listed):
        both.say(line)
    return steps.as_json(old, new, method, listed)


def copy(both: Pair, method: str | None, *, without_files: bool) -> dict[str, Any]:
    """``None``: it has begun already, and goes on by the same method."""
    promotion_settings.open_networks(both)
    by = promotion.begin(both, method, without_files=without_files)
    known = promotion.connect(both)
    promotion_files.copy(both)  # first: the old database keeps all changes while it is copied
    if by == promotion_record.DUMP:
        return _rehearse(both, known)
    asked = {"mode": "promotion copy", **known}
    both.old_server.perform(asked, both.say, deadline_s=COPY_S)
    try:
        return _follow_copy(both, known)
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped here. The app of {both.new.stack} is stopped; the servers go on copying."
        ) from None


def _follow_copy(both: Pair, known: dict[str, Any]) -> dict[str, Any]:
    """Say how far it is until all rows are there."""
    began, first, last = time.monotonic(), -1, ""
    while True:
        progress = look(both, known)
        first = int(progress["bytes"]) if first < 0 else first
        line = progress_line(progress, first, time.monotonic() - began)
        if line != last:
            both.say(line)
        last = line
        _refuse_cut_off(progress)
        if progress["ready"] == progress["tables"]:
            return _finish_copy(both, known, int(progress["indexes_left"]))
        time.sleep(LOOK_S)


def _finish_copy(both: Pair, known: dict[str, Any], left: int) -> dict[str, Any]:
    """Build the indexes; then the copy has everything, unless stage 1 was changed meanwhile."""
    asked = {"mode": "promotion indexes", **known}
    both.old_server.perform(asked, both.say, deadline_s=INDEXES_S)
    progress = look(both, known)
    _refuse_cut_off(progress)
    if progress["indexes_left"]:
        raise StepFailed(
            f"The copy lacks {indexes(progress['indexes_left'])} created on stage 1 meanwhile",
            "Run --copy again.",
        )
    if left:
        both.say(f"  {indexes(left)} built")
    both.say(f"{both.new.stack} has all rows and receives every change; --switch comes next.")
    return progress


def _refuse_cut_off(progress: dict[str, Any]) -> None:
    if is_cut_off(progress):
        raise StepFailed(CUT_OFF, "Start again: --abort, then --copy.")


def _rehearse(both: Pair, known: dict[str, Any]) -> dict[str, Any]:
    asked = {"mode": "promotion rehearse", **known}
    answer = both.old_server.perform(asked, both.say, deadline_s=COPY_S)
    both.say(
        f"Dump and restore took {answer['rehearsed_s']:.1f} s; clients will wait about a second"
        " longer than that. --switch comes next."
    )
    return answer


def verify(both: Pair, known: dict[str, Any]) -> dict[str, Any]:
    """Compare every row; the server keeps what it finds, also for whoever asks later."""
    asked = {"mode": "promotion compare", **known}
    try:
        both.old_server.perform(asked, both.say, deadline_s=COMPARE_S)
    except KeyboardInterrupt:
        shows = promotion_words.command(both.old.stack, both.new.stack)
        raise Interrupted(f"The server goes on comparing; {shows} shows how far it is.") from None
    state = show_state(both)
    if state["compared"]["state"] == "differs":
        raise StepFailed("The two databases differ")
    return state


def switch(both: Pair, stall_s: float | None, phase: str) -> dict[str, Any]:
    known = promotion.connect(both)
    if phase != promotion_record.SWITCHED:
        promotion_files.copy(both)  # so that little is left for when the app has moved
    asked = {"mode": "promotion switch", "stall_s": stall_s, **known}
    answer = both.old_server.perform(asked, both.say, deadline_s=SWITCH_S)
    both.say(f"The app uses the new database.{_waited(answer)}")
    promotion_app.move_app(both)
    no_files = _copy_last_files(both)
    promotion_settings.bring_up(both.old, {PROMOTED_TO: both.new.stack})
    promotion.back_up(both)
    state = promotion_pair.state(both)
    if state["compared"]["state"] != "same":  # a dump was compared while clients waited
        both.say("Comparing every row while the app keeps running:")
        verify(both, known)
    back = state["way_back"].get("state") != "none"
    for line in promotion_words.until_finish(both.old.stack, both.new.stack, back=back):
        both.say(line)
    if no_files:
        raise StepFailed(
            f"USERS' FILES of {both.old.stack} are not all in the bucket of {both.new.stack}:"
            f" {no_files}",
            "Run --switch again: it copies only what is missing.",
        )
    return answer


def _copy_last_files(both: Pair) -> str:
    """What the app of stage 1 wrote to its end. Return why they are not there, or nothing: the
    switch has happened, and goes on."""
    try:
        promotion_files.copy(both, last=True)
    except UserError as error:
        both.say(f"USERS' FILES: {error}")
        return str(error).rstrip(".")
    return ""


def _waited(answer: Mapping[str, Any]) -> str:
    """Nobody waits in a run that goes on after the switch."""
    return "" if answer["already"] else f" Clients waited for {answer['stall_s']:.2f} s."


def allow_migrations(both: Pair) -> dict[str, Any]:
    promotion.allow_migrations(both)
    both.say(
        f"Deploys to {both.new.stack} run their release command from now on. Once a table has"
        " changed, there is NO WAY BACK, and `promote` and `status` say so."
    )
    return {"migrations": True}


def rollback(both: Pair, stall_s: float | None, phase: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"stall_s": 0.0, "already": True}
    if phase != promotion_record.ROLLED_BACK:
        answer = _move_back(both, stall_s)
    both.say(f"The app uses its old database again.{_waited(answer)}")
    promotion_settings.bring_up(both.old, {PROMOTED_TO: None})
    _end(both)
    both.say(
        f"{both.old.stack} serves the app again, with everything written since; {both.new.stack}"
        " has its own database and app back. To try again, start with --copy."
    )
    return answer


def _move_back(both: Pair, stall_s: float | None) -> dict[str, Any]:
    state = promotion_pair.state(both)
    for trouble in promotion_words.without_way_back(both.old.stack, state):
        raise StepFailed(f"--rollback: {trouble.what}", f"{trouble.remedy}.")  # nothing has stopped
    known = promotion.connect(both)
    promotion_files.bring_back(both)  # so that little is left for when the app has moved
    promotion_app.move_app_back(both)
    promotion_files.bring_back(both)
    asked = {"mode": "promotion back", "stall_s": stall_s, **known}
    return both.old_server.perform(asked, both.say, deadline_s=SWITCH_S)


def finish(both: Pair, phase: str) -> dict[str, Any]:
    if phase != promotion_record.FINISHED:
        known = promotion.connect(both)
        promotion_app.move_app(both)  # where a switch was interrupted
        _clear(both, "new", known)
    promotion.finish(both)
    promotion_app.serve(both)
    promotion_settings.subscribe_no_more(both)
    both.say(
        f"{both.new.stack} has the database, the requests and the jobs. {both.old.stack} forwards"
        f" its visitors until `./stages down {both.old.stack}`; its data and its last backup stay"
        " until `delete-data`."
    )
    return {"finished": True}


def abort(both: Pair, phase: str) -> dict[str, Any]:
    if phase == promotion_record.ROLLED_BACK:
        promotion_settings.bring_up(both.old, {PROMOTED_TO: None})
    _end(both)
    both.say("Both stacks are as they were.")
    return {"aborted": True}


def _end(both: Pair) -> None:
    """Both as before the promotion."""
    _clear(both, "old", promotion.connect(both))
    promotion.close(both)


def _clear(both: Pair, keep: str, known: dict[str, Any]) -> None:
    asked = {"mode": "promotion clear", "keep": keep, **known}
    both.old_server.perform(asked, both.say, deadline_s=SWITCH_S)
