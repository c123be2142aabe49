"""A promotion: an app moves from a stage 1 stack to a stage 2 stack, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NamedTuple

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
from components.visible import visible_json
from scripts.lib import (
    display,
    promotion,
    promotion_files,
    promotion_pair,
    promotion_progress,
    promotion_steps,
    promotion_words,
    session,
)
from scripts.lib.command import Json, Yes, application, complete
from scripts.lib.confirm import confirm
from scripts.lib.promotion_pair import Pair

app = application(__doc__)
METHODS = (promotion_record.LOGICAL, promotion_record.DUMP)
STEPS = ("plan", "copy", "verify", "switch", "allow-migrations", "rollback", "finish", "abort")

Old = Annotated[
    str, typer.Option("--from", autocompletion=complete, help="The stage 1 stack.", metavar="STACK")
]
New = Annotated[
    str, typer.Option("--to", autocompletion=complete, help="The stage 2 stack.", metavar="STACK")
]


class Options(NamedTuple):
    """What the command line says beside the step."""

    method: str | None = None
    stall_s: float | None = None
    replace: bool = False
    unverified: bool = False
    without_files: bool = False
    yes: bool = False


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
            "--verify", help="Compare every row of the two databases, while the app keeps running."
        ),
    ] = False,
    switch: Annotated[
        bool,
        typer.Option(
            "--switch",
            help="Switch the app to stage 2: clients wait about 1 s, longer with a dump.",
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
    method: Annotated[
        str | None,
        typer.Option(
            "--way",
            help="Copy by logical replication, or by dump and restore while clients wait"
            " [default: the plan chooses].",
            metavar="|".join(METHODS),
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

    Without a step: show the plan, or the progress of a promotion. Exit codes: 0 done; 1 a step
    failed, the plan has an obstacle, or something is wrong with the promotion; 2 bad input, or a
    step out of order; 130 interrupted.
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
    if method not in {None, *METHODS}:
        raise invalid("--way", " or ".join(METHODS), method)
    screen = display.make_screen(error=True) if json_ else None
    both = promotion_pair.pair(
        session.open_session(old, screen=screen), session.open_session(new, screen=screen)
    )
    step = chosen[0] if chosen else ""
    options = Options(method, stall_limit_s, replace, unverified, without_files, yes)
    answer = _do(step, both, options)
    if json_:
        print(visible_json(answer))
    if step in {"", "plan"} and _is_wrong(both.old.stack, answer):
        raise typer.Exit(FAILED)


def _is_wrong(old_stack: str, answer: dict[str, Any]) -> bool:
    """Whether a plan has an obstacle, or a promotion that is under way a trouble."""
    if "obstacles" in answer:
        return any(obstacle["blocks"] for obstacle in answer["obstacles"])
    if "interrupted" in answer or promotion_progress.is_cut_off(answer):
        return True
    return "way_back" in answer and bool(promotion_words.troubles(old_stack, answer))


def _do(step: str, both: Pair, options: Options) -> dict[str, Any]:
    if step in {"", "plan"}:
        now = promotion_pair.position(both)
        phase = str(now["phase"])
        if step and phase == promotion_record.FINISHED:  # its databases cannot be asked any more
            _allowed(step, phase)
        if not step and now["switching"]:
            return promotion_progress.show_interrupted(both, now)
    else:
        phase = promotion.recover(both)
    if not step and phase:
        return promotion_progress.show(both, phase)
    if step in {"", "plan"} or (step == "copy" and not phase):
        plan = promotion_steps.plan(
            both,
            options.method,
            options.stall_s,
            replace=options.replace,
            without_files=options.without_files,
        )
        if step != "copy":
            return plan
        if _is_wrong(both.old.stack, plan):
            raise StepFailed("Nothing was changed", "Remove the obstacles first.")
        options = options._replace(method=str(plan["way"]))
    _allowed(step, phase)
    if (step, phase) == ("abort", "") and not promotion.has_begun(both):
        raise UserError("--abort: there is nothing to abort, because --copy has not run")
    if step == "verify":
        return promotion_steps.verify(both, promotion.connect(both))
    if (step, phase) in {("switch", "copying"), ("finish", "switched")} and not options.unverified:
        _refuse_differences(step, both)
    if (step, phase) == ("finish", "switched") and not options.without_files:
        _refuse_without_files(both)
    if not options.yes and not confirm(_question(step, both, phase, options.stall_s)):
        raise NotConfirmed
    promotion_pair.take_turn(both, phase)
    shows = promotion_words.command(both.old.stack, both.new.stack)
    continues = f"Run --{step} again to continue; {shows} shows the progress."
    if step == "copy":
        continues = (
            "Run --copy again to continue; --abort undoes it and starts the app of"
            f" {both.new.stack}."
        )
    with _stopped(continues):
        return _change(step, both, phase, options)


def _change(step: str, both: Pair, phase: str, options: Options) -> dict[str, Any]:
    if options.without_files and step in {"switch", "rollback"}:
        promotion_files.leave(both)
    match step:
        case "copy":
            return promotion_steps.copy(both, options.method, without_files=options.without_files)
        case "switch":
            return promotion_steps.switch(both, options.stall_s, phase)
        case "allow-migrations":
            return promotion_steps.allow_migrations(both)
        case "rollback":
            return promotion_steps.rollback(both, options.stall_s, phase)
        case "finish":
            return promotion_steps.finish(both, phase)
        case _:
            return promotion_steps.abort(both, phase)


@contextmanager
def _stopped(words: str) -> Iterator[None]:
    """Say what to do next to whoever stops a step in its middle."""
    try:
        yield
    except KeyboardInterrupt:
        ends = "The servers finish what they have begun."
        raise Interrupted(f"Stopped here. {ends} {words}") from None
    except Interrupted as stop:  # an engine that was at work
        raise Interrupted(f"{stop} {words}") from None


def _allowed(step: str, phase: str) -> None:
    needs = {
        **dict.fromkeys(("verify", "switch"), "copying"),
        **dict.fromkeys(("allow-migrations", "rollback", "finish"), "switched"),
    }
    if phase == promotion_record.FINISHED and step != "finish":
        raise UserError(
            f"--{step}: should come before --finish, which has already run",
            "`./stages down` removes the old stack.",
        )
    if phase == promotion_record.ROLLED_BACK and step not in {"rollback", "abort"}:
        raise UserError(
            f"--{step}: should come after --rollback, which has not finished",
            "Run --rollback again.",
        )
    if step == "abort" and phase == "switched":
        raise UserError(
            "--abort: should come before --switch, but the app already uses the new database",
            "--rollback goes back.",
        )
    if step == "copy" and phase == "switched":
        raise UserError("--copy: should come before --switch, which has already run")
    if step in needs and phase in {"", "copying"} - {needs[step]}:
        first = "--switch" if needs[step] == "switched" else "--copy"
        remedy = f"Run {first} first."
        if step == "rollback":  # also of whoever does not know that it has ended
            remedy = "Stage 1 uses its own database: there is nothing to roll back."
        raise UserError(f"--{step}: should come after {first}", remedy)


def _refuse_differences(step: str, both: Pair) -> None:
    """Rows that differ keep from the switch and from the end; before the end all are compared."""
    state = promotion_pair.state(both)
    if step == "finish" and state["compared"]["state"] != "same":
        both.say("Comparing every row first ...")
        promotion_steps.verify(both, promotion.connect(both))
        return
    for trouble in promotion_words.of_the_rows(both.old.stack, state):
        raise StepFailed(f"--{step}: {trouble.what}", trouble.remedy)


def _refuse_without_files(both: Pair) -> None:
    state = promotion_pair.state(both)
    for trouble in promotion_words.of_the_files(both.old.stack, state):
        raise StepFailed(f"--finish: {trouble.what}", f"{trouble.remedy}.")


def _question(step: str, both: Pair, phase: str, stall_s: float | None) -> str:
    old, new = both.old.stack, both.new.stack
    match step:
        case "copy" if phase:
            return f"Continue the copy from {old} to {new}{promotion_progress.how_far(both)}?"
        case "copy":
            return f"Stop the app of {new} and fill its database from {old}?"
        case "switch" if phase == promotion_record.SWITCHED:
            return f"Continue the switch from {old} to {new}?"
        case "switch":
            return (
                f"{promotion_progress.meaning(both, stall_s)} Switch the app from {old} to {new}?"
            )
        case "allow-migrations":
            return (
                "There is no way back once a table has changed. Let deploys to"
                f" {new} run their release commands?"
            )
        case "rollback":
            return f"Switch the app back to {old} and give {new} back what it had?"
        case "finish":
            return (
                f"There is no way back after this, and {old} only forwards to {new}. Make the move"
                " final?"
            )
        case _:
            return f"Discard the copy and give {new} back what it had?"
