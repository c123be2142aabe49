"""A promotion: an app moves from a stage 1 stack to a stage 2 stack, and back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from components.errors import (
    FAILED,
    Interrupted,
    NotConfirmed,
    StepFailed,
    UserError,
    invalid,
)
from components.host.agent import promotion_record
from planning.promotion import steps, ways
from planning.promotion.obstacles import obstacles
from scripts.lib import (
    display,
    promotion,
    promotion_files,
    promotion_sides,
    promotion_words,
    session,
)
from scripts.lib.command import Json, Yes, application, complete
from scripts.lib.confirm import confirm

app = application(__doc__)
WAYS = (promotion_record.LOGICAL, promotion_record.DUMP)
LOOK_S = 1.0
CUT_OFF = "THE COPY WAS CUT OFF for so long that stage 1 no longer keeps what it lacks"
STEPS = ("plan", "copy", "verify", "switch", "allow-migrations", "rollback", "finish", "abort")

Old = Annotated[
    str, typer.Option("--from", autocompletion=complete, help="The stage 1 stack.", metavar="STACK")
]
New = Annotated[
    str, typer.Option("--to", autocompletion=complete, help="The stage 2 stack.", metavar="STACK")
]


@app.command()
def promote(
    old: Old,
    new: New,
    plan: Annotated[bool, typer.Option("--plan", help="Show the plan; change nothing.")] = False,
    copy: Annotated[
        bool,
        typer.Option(
            "--copy", help="Copy the database while stage 1 serves; stage 2 stops serving."
        ),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Compare every row of the two databases, while the app goes on."
        ),
    ] = False,
    switch: Annotated[
        bool,
        typer.Option(
            "--switch", help="Switch the app to stage 2: clients wait about 1 s, in a dump longer."
        ),
    ] = False,
    allow_migrations: Annotated[
        bool,
        typer.Option(
            "--allow-migrations",
            help="Let deploys to stage 2 run migrations before --finish: there is no way back once"
            " a table has changed.",
        ),
    ] = False,
    rollback: Annotated[
        bool,
        typer.Option(
            "--rollback",
            help="Switch back, with everything that was written since: clients wait about 1 s.",
        ),
    ] = False,
    finish: Annotated[
        bool, typer.Option("--finish", help="Keep stage 2 alone; there is no way back.")
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="Undo everything before the switch.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace what the stage 2 database holds.")
    ] = False,
    unverified: Annotated[
        bool,
        typer.Option(
            "--unverified", help="Switch or finish even if rows differ or were not compared."
        ),
    ] = False,
    without_files: Annotated[
        bool,
        typer.Option("--without-files", help="Leave the users' files of stage 1 where they are."),
    ] = False,
    way: Annotated[
        str | None,
        typer.Option(
            help="Copy by replication (logical), or in the switch, while clients wait (dump)"
            " [default: as the plan says].",
            metavar="|".join(WAYS),
        ),
    ] = None,
    stall_limit_s: Annotated[
        float | None,
        typer.Option(
            help="Longest that clients may wait during the switch [default: 5, dump: 60]."
        ),
    ] = None,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Move an app from a stage 1 stack to a stage 2 stack: database, requests and jobs.

    Without a step: show the plan, or how a promotion stands. Exit codes: 0 done; 1 a step failed,
    the plan has an obstacle, or something is wrong with the promotion; 2 bad input, or a step out
    of turn; 130 interrupted.
    """
    steps_given = (plan, copy, verify, switch, allow_migrations, rollback, finish, abort)
    given = dict(zip(STEPS, steps_given, strict=True))
    chosen = [name for name, wanted in given.items() if wanted]
    if len(chosen) > 1:
        raise UserError(
            f"promote: should be given one step, got {', '.join(f'--{step}' for step in chosen)}"
        )
    longest_s = promotion_record.LONGEST_STALL_S
    if stall_limit_s is not None and not 0 < stall_limit_s <= longest_s:
        raise invalid("--stall-limit-s", f"more than 0 and at most {longest_s}", stall_limit_s)
    if way not in {None, *WAYS}:
        raise invalid("--way", " or ".join(WAYS), way)
    screen = display.make_screen(error=True) if json_ else None
    both = promotion.pair(
        session.open_session(old, screen=screen), session.open_session(new, screen=screen)
    )
    step = chosen[0] if chosen else ""
    answer = _do(
        step,
        both,
        way,
        stall_limit_s,
        replace=replace,
        unverified=unverified,
        without_files=without_files,
        yes=yes,
    )
    if json_:
        print(json.dumps(answer, indent=2))
    if step in {"", "plan"} and _is_wrong(both.old.stack, answer):
        raise typer.Exit(FAILED)


def _is_wrong(old_stack: str, answer: dict[str, Any]) -> bool:
    """Whether a plan has an obstacle, or a promotion that is under way a trouble."""
    if "obstacles" in answer:
        return any(obstacle["blocks"] for obstacle in answer["obstacles"])
    if "interrupted" in answer or (answer.get("lag") or {}).get("kept") == "lost":
        return True
    return "way_back" in answer and bool(promotion_words.troubles(old_stack, answer))


def _do(
    step: str,
    both: promotion.Pair,
    way: str | None,
    stall_s: float | None,
    *,
    replace: bool,
    unverified: bool,
    without_files: bool,
    yes: bool,
) -> dict[str, Any]:
    if step in {"", "plan"}:
        now = promotion.position(both)
        phase = str(now["phase"])
        if not step and now["switching"]:
            return _interrupted(both, now)
    else:
        phase = promotion.recover(both)
    if not step and phase:
        return _progress(both, phase)
    if step in {"", "plan"} or (step == "copy" and not phase):
        plan = _plan(both, way, stall_s, replace=replace, without_files=without_files)
        if step != "copy":
            return plan
        if _is_wrong(both.old.stack, plan):
            raise StepFailed("Nothing was changed", "Remove the obstacles first.")
        way = str(plan["way"])
    _allowed(step, phase)
    if (step, phase) == ("abort", "") and not promotion.has_begun(both):
        raise UserError("--abort: there is nothing to abort, for --copy has not run")
    if step == "verify":
        return _verify(both, promotion.way(both))
    if (step, phase) in {("switch", "copying"), ("finish", "switched")} and not unverified:
        _refuse_differences(step, both)
    if (step, phase) == ("finish", "switched") and not without_files:
        _refuse_without_files(both)
    if not yes and not confirm(_question(step, both, phase, stall_s)):
        raise NotConfirmed
    continues = f"--{step} continues; {_shows(both)} shows how it stands."
    if step == "copy":
        continues = f"--copy continues, --abort undoes it and starts the app of {both.new.stack}."
    with _stopped(continues):
        return _change(step, both, phase, way, stall_s, without_files=without_files)


def _change(
    step: str,
    both: promotion.Pair,
    phase: str,
    way: str | None,
    stall_s: float | None,
    *,
    without_files: bool,
) -> dict[str, Any]:
    if without_files and step in {"switch", "rollback"}:
        promotion_files.leave(both)
    match step:
        case "copy":
            return _copy(both, way, without_files=without_files)
        case "switch":
            return _switch(both, stall_s, phase)
        case "allow-migrations":
            return _allow_migrations(both)
        case "rollback":
            return _rollback(both, stall_s, phase)
        case "finish":
            return _finish(both, phase)
        case _:
            return _abort(both, phase)


@contextmanager
def _stopped(words: str) -> Iterator[None]:
    """Say what to do next to whoever stops a step in its middle."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"Stopped here. A server ends what it has begun. {words}") from None
    except Interrupted as stop:  # an engine that was at work
        raise Interrupted(f"{stop} {words}") from None


def _shows(both: promotion.Pair) -> str:
    return promotion_words.command(both.old.stack, both.new.stack)


def _allowed(step: str, phase: str) -> None:
    needs = {
        **dict.fromkeys(("verify", "switch"), "copying"),
        **dict.fromkeys(("allow-migrations", "rollback", "finish"), "switched"),
    }
    if phase == promotion_record.FINISHED and step != "finish":
        raise UserError(
            f"--{step}: should come before --finish, and that has been done",
            "`./stages down` takes the old stack away.",
        )
    if phase == promotion_record.ROLLED_BACK and step not in {"rollback", "abort"}:
        raise UserError(
            f"--{step}: should come after the rollback has come to its end",
            "Run --rollback again.",
        )
    if step == "abort" and phase == "switched":
        raise UserError(
            "--abort: should come before the switch, and the app uses the new database",
            "--rollback goes back.",
        )
    if step == "copy" and phase == "switched":
        raise UserError("--copy: should come before the switch, and it has been done")
    if step in needs and phase in {"", "copying"} - {needs[step]}:
        first = "--switch" if needs[step] == "switched" else "--copy"
        remedy = f"Run {first} first."
        if step == "rollback":  # also of whoever does not know that it has ended
            remedy = "Stage 1 uses its own database: there is nothing to go back from."
        raise UserError(f"--{step}: should come after {first}", remedy)


def _question(step: str, both: promotion.Pair, phase: str, stall_s: float | None) -> str:
    old, new = both.old.stack, both.new.stack
    match step:
        case "copy" if phase:
            return f"Continue the copy from {old} to {new}{_how_far(both)}?"
        case "copy":
            return f"Stop the app of {new} and fill its database from {old}?"
        case "switch" if phase == promotion_record.SWITCHED:
            return f"Go on with the switch from {old} to {new}?"
        case "switch":
            return f"{_meaning(both, stall_s)} Switch the app from {old} to {new}?"
        case "allow-migrations":
            return (
                f"Let deploys to {new} run their release commands: there is no way back once a"
                " table has changed?"
            )
        case "rollback":
            return f"Switch the app back to {old} and its own database, and stop {new}?"
        case "finish":
            return f"Keep {new} alone: there is no way back, and {old} only forwards to it?"
        case _:
            return f"Forget the copy and give {new} back what it had?"


def _how_far(both: promotion.Pair) -> str:
    """How much of the copy there is, if it has come so far."""
    try:
        progress = _look(both, promotion.way(both))
    except StepFailed:
        return ""
    size, whole = steps.mib(progress["bytes"]), steps.mib(progress["source_bytes"])
    return f" ({size} of {whole})"


def _meaning(both: promotion.Pair, stall_s: float | None) -> str:
    """What a switch does to clients, and whether it is for good."""
    state = both.old_server.perform({"mode": "promotion state"}, both.say)
    by, unfit = str(state["by"]), state.get("unfit")
    usually = "for dump and restore" if by == promotion_record.DUMP else "about 1 s"
    back = (
        f"there is NO WAY BACK ({promotion_words.not_followed(unfit)})"
        if unfit
        else "--rollback undoes it"
    )
    return (
        f"Clients wait {usually} (given up after {stall_s or promotion_record.STALL_S[by]:g} s),"
        f" WebSockets reconnect; {back}."
    )


def _plan(
    both: promotion.Pair,
    wanted: str | None,
    stall_s: float | None,
    *,
    replace: bool,
    without_files: bool,
) -> dict[str, Any]:
    old, new = promotion_sides.sides(both)
    way = ways.choose(old, new, wanted, stall_s)
    in_the_way = obstacles(old, new, way, replace=replace, without_files=without_files)
    for line in steps.lines(old, new, way, in_the_way):
        both.say(line)
    return steps.as_json(old, new, way, in_the_way)


def _interrupted(both: promotion.Pair, now: dict[str, Any]) -> dict[str, Any]:
    """Whoever only looks changes nothing: another operator may be at work."""
    step = "--switch" if now["switching"] == "to" else "--rollback"
    again = promotion_words.command(both.old.stack, both.new.stack, step)
    both.say(f"{step} was interrupted, unless it is still at work: run {again} again.")
    return {**now, "interrupted": step}


def _progress(both: promotion.Pair, phase: str) -> dict[str, Any]:
    if phase == promotion_record.FINISHED:
        promotion.web_way(both)
        return _state(both)
    known = promotion.way(both)
    if phase != promotion_record.COPYING:
        return _state(both)
    state = both.old_server.perform({"mode": "promotion state"}, both.say)
    if state["by"] == promotion_record.DUMP:
        both.say(f"{both.new.stack} has a rehearsal's dump of {both.old.stack}, or is given one.")
        return state
    progress = _look(both, known)
    lost = (progress["lag"] or {}).get("kept") == "lost"
    complete = progress["ready"] == progress["tables"] and not progress["indexes_left"]
    if complete and not lost:
        both.say(
            f"The copy of {both.old.stack} in {both.new.stack} is complete and follows; --switch"
            " comes next:"
        )
    else:
        both.say(f"{both.old.stack} is being copied to {both.new.stack}; --copy continues:")
    both.say(progress_line(progress, int(progress["bytes"]), 0))
    if lost:
        both.say(f"  {CUT_OFF}. Begin it anew: --abort, then --copy.")
    _say_state(both, state, promotion_words.lines(both.old.stack, state)[1:])
    return {**state, **progress}


def _state(both: promotion.Pair) -> dict[str, Any]:
    """After the switch: say how it stands, and loudly what is wrong."""
    state = both.old_server.perform({"mode": "promotion state"}, both.say)
    _say_state(both, state, promotion_words.lines(both.old.stack, state))
    return state


def _say_state(both: promotion.Pair, state: dict[str, Any], lines: list[str]) -> None:
    for line in [*lines, *map(str, promotion_words.troubles(both.old.stack, state))]:
        both.say(line)


def _look(both: promotion.Pair, known: dict[str, Any]) -> dict[str, Any]:
    asked = {"mode": "promotion progress", **known}
    return both.old_server.perform(asked, both.say)


def _copy(both: promotion.Pair, way: str | None, *, without_files: bool) -> dict[str, Any]:
    """``None``: it has begun already, and goes on by the same way."""
    promotion.let_in(both)
    by = promotion.begin(both, way, without_files=without_files)
    known = promotion.way(both)
    promotion_files.copy(both)  # first: the old database keeps all changes while it is copied
    if by == promotion_record.DUMP:
        return _rehearse(both, known)
    asked = {"mode": "promotion copy", **known}
    both.old_server.perform(asked, both.say, deadline_s=promotion.COPY_S)
    try:
        return _follow_copy(both, known)
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped here. The app of {both.new.stack} is stopped; the servers go on copying."
        ) from None


def _follow_copy(both: promotion.Pair, known: dict[str, Any]) -> dict[str, Any]:
    """Say how far it is until all rows are there."""
    began, first, last = time.monotonic(), -1, ""
    while True:
        progress = _look(both, known)
        first = int(progress["bytes"]) if first < 0 else first
        line = progress_line(progress, first, time.monotonic() - began)
        if line != last:
            both.say(line)
        last = line
        _refuse_cut_off(progress)
        if progress["ready"] == progress["tables"]:
            return _finish_copy(both, known, int(progress["indexes_left"]))
        time.sleep(LOOK_S)


def _finish_copy(both: promotion.Pair, known: dict[str, Any], left: int) -> dict[str, Any]:
    """Build the indexes; then the copy has everything, unless stage 1 was changed meanwhile."""
    asked = {"mode": "promotion indexes", **known}
    both.old_server.perform(asked, both.say, deadline_s=promotion.INDEXES_S)
    progress = _look(both, known)
    _refuse_cut_off(progress)
    if progress["indexes_left"]:
        raise StepFailed(
            f"The copy lacks indexes ({progress['indexes_left']}) that stage 1 has had made since",
            "Run --copy again.",
        )
    if left:
        both.say(f"  {_indexes(left)} built")
    both.say(f"{both.new.stack} has everything and follows; --switch comes next.")
    return progress


def _indexes(count: int) -> str:
    return f"{count} index{'' if count == 1 else 'es'}"


def _refuse_cut_off(progress: dict[str, Any]) -> None:
    if (progress["lag"] or {}).get("kept") == "lost":
        raise StepFailed(CUT_OFF, "Begin it anew: --abort, then --copy.")


def _rehearse(both: promotion.Pair, known: dict[str, Any]) -> dict[str, Any]:
    asked = {"mode": "promotion rehearse", **known}
    answer = both.old_server.perform(asked, both.say, deadline_s=promotion.COPY_S)
    both.say(
        f"Dump and restore took {answer['rehearsed_s']:.1f} s: clients will wait for about a second"
        " more. --switch comes next."
    )
    return answer


def progress_line(progress: dict[str, Any], first: int, elapsed_s: float) -> str:
    """How far the copy is, at which rate, and how long it will take."""
    size, whole = int(progress["bytes"]), int(progress["source_bytes"])
    done = f"  {progress['ready']} of {progress['tables']} tables, {steps.mib(size)}"
    rate = (size - first) / elapsed_s if elapsed_s > 0 else 0
    if progress["ready"] == progress["tables"]:
        left = progress["indexes_left"]
        return f"{done}{f'; {_indexes(left)} to build' if left else ''}"
    if rate <= 0:
        return f"{done} of {steps.mib(whole)}"
    remaining_s = max(0, whole - size) / rate
    return f"{done} of {steps.mib(whole)}, {steps.mib(rate)}/s, about {remaining_s:.0f} s left"


def _verify(both: promotion.Pair, known: dict[str, Any]) -> dict[str, Any]:
    """Compare every row; the server keeps what it finds, also for whoever asks later."""
    asked = {"mode": "promotion compare", **known}
    try:
        both.old_server.perform(asked, both.say, deadline_s=promotion.COMPARE_S)
    except KeyboardInterrupt:
        shown = f"{_shows(both)} shows how far it is"
        raise Interrupted(f"The server goes on comparing; {shown}.") from None
    state = _state(both)
    if state["compared"]["state"] == "differs":
        raise StepFailed("The two databases differ")
    return state


def _refuse_differences(step: str, both: promotion.Pair) -> None:
    """Rows that differ keep from the switch and from the end; before the end all are compared."""
    state = both.old_server.perform({"mode": "promotion state"}, both.say)
    if step == "finish" and state["compared"]["state"] != "same":
        both.say("Comparing every row first ...")
        _verify(both, promotion.way(both))
        return
    for trouble in promotion_words.of_the_rows(both.old.stack, state):
        raise StepFailed(f"--{step}: {trouble.what}", trouble.remedy)


def _refuse_without_files(both: promotion.Pair) -> None:
    state = both.old_server.perform({"mode": "promotion state"}, both.say)
    for trouble in promotion_words.of_the_files(both.old.stack, state):
        raise StepFailed(f"--finish: {trouble.what}", f"{trouble.remedy}.")


def _switch(both: promotion.Pair, stall_s: float | None, phase: str) -> dict[str, Any]:
    known = promotion.way(both)
    if phase != promotion_record.SWITCHED:
        promotion_files.copy(both)  # so that little is left for when the app has moved
    asked = {"mode": "promotion switch", "stall_s": stall_s, **known}
    answer = both.old_server.perform(asked, both.say, deadline_s=promotion.SWITCH_S)
    both.say(f"The app uses the new database.{_waited(answer)}")
    promotion.move_app(both)
    no_files = _copy_last_files(both)
    promotion.bring_up(both.old, {promotion.PROMOTED_TO: both.new.stack})
    promotion.back_up(both)
    state = both.old_server.perform({"mode": "promotion state"}, both.say)
    if state["compared"]["state"] != "same":  # a dump was compared while clients waited
        both.say("Every row is compared now, while the app goes on:")
        _verify(both, known)
    back = state["way_back"].get("state") != "none"
    for line in promotion_words.until_finish(both.old.stack, both.new.stack, back=back):
        both.say(line)
    if no_files:
        raise StepFailed(
            f"USERS' FILES of {both.old.stack} are not all in the bucket of {both.new.stack}:"
            f" {no_files}",
            "Run --switch again: only what is missing is copied.",
        )
    return answer


def _allow_migrations(both: promotion.Pair) -> dict[str, Any]:
    promotion.allow_migrations(both)
    both.say(
        f"Deploys to {both.new.stack} run their release command. Once a table has changed, there is"
        " NO WAY BACK, and `promote` and `status` say so."
    )
    return {"migrations": True}


def _copy_last_files(both: promotion.Pair) -> str:
    """What the app of stage 1 wrote to its end. Return why they are not there, or nothing: the
    switch has happened, and goes on."""
    try:
        promotion_files.copy(both, last=True)
    except UserError as error:
        both.say(f"USERS' FILES: {error}")
        return str(error)
    return ""


def _rollback(both: promotion.Pair, stall_s: float | None, phase: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"stall_s": 0.0, "already": True}
    if phase != promotion_record.ROLLED_BACK:
        answer = _move_back(both, stall_s)
    both.say(f"The app uses its old database again.{_waited(answer)}")
    promotion.bring_up(both.old, {promotion.PROMOTED_TO: None})
    _end(both)
    both.say(
        f"{both.old.stack} serves the app again, with everything written since; {both.new.stack}"
        " has its own database and app again. --copy begins anew."
    )
    return answer


def _waited(answer: Mapping[str, Any]) -> str:
    """Nobody waits in a run that goes on after the switch."""
    return "" if answer["already"] else f" Clients waited for {answer['stall_s']:.2f} s."


def _move_back(both: promotion.Pair, stall_s: float | None) -> dict[str, Any]:
    state = both.old_server.perform({"mode": "promotion state"}, both.say)
    for trouble in promotion_words.without_way_back(both.old.stack, state):
        raise StepFailed(f"--rollback: {trouble.what}", f"{trouble.remedy}.")  # nothing has stopped
    known = promotion.way(both)
    promotion_files.bring_back(both)  # so that little is left for when the app has moved
    promotion.move_app_back(both)
    promotion_files.bring_back(both)
    asked = {"mode": "promotion back", "stall_s": stall_s, **known}
    return both.old_server.perform(asked, both.say, deadline_s=promotion.SWITCH_S)


def _finish(both: promotion.Pair, phase: str) -> dict[str, Any]:
    if phase != promotion_record.FINISHED:
        known = promotion.way(both)
        promotion.move_app(both)  # where a switch was interrupted
        _clear(both, "new", known)
    promotion.finish(both)
    promotion.serve(both)
    promotion.subscribe_no_more(both)
    both.say(
        f"{both.new.stack} has database, requests and jobs. {both.old.stack} forwards whoever still"
        f" comes to it, until `./stages down {both.old.stack}`; its data and its last backup stay"
        " until `delete-data`."
    )
    return {"finished": True}


def _abort(both: promotion.Pair, phase: str) -> dict[str, Any]:
    if phase == promotion_record.ROLLED_BACK:
        promotion.bring_up(both.old, {promotion.PROMOTED_TO: None})
    _end(both)
    both.say("Both stacks are as they were.")
    return {"aborted": True}


def _end(both: promotion.Pair) -> None:
    """Both as before the promotion."""
    _clear(both, "old", promotion.way(both))
    promotion.close(both)


def _clear(both: promotion.Pair, keep: str, known: dict[str, Any]) -> None:
    asked = {"mode": "promotion clear", "keep": keep, **known}
    both.old_server.perform(asked, both.say, deadline_s=promotion.SWITCH_S)
