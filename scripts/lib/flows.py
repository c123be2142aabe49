"""What the commands do, step by step: plan, change, tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pulumi.automation.errors import CommandError

from components import outputs
from components.errors import UserError
from scripts.lib.display import Progress, counted, planned
from scripts.lib.events import Problem, Run, describe, tidy
from scripts.lib.execute import duration
from scripts.lib.session import Session, make_ready

FAILED = 1


def preview(session: Session) -> Run:
    """Show what an ``up`` would do; change nothing but the plan's own bookkeeping."""
    session.operations.preflight(session.settings)
    make_ready(session)
    return _plan(session, session.engine.preview)


def up(session: Session, *, yes: bool, ask: Callable[[str], bool], **options: Any) -> None:
    """Bring the stack to what its settings say, after showing the plan."""
    session.operations.preflight(session.settings)
    make_ready(session)
    session.operations.prepare(session.settings, session.say)
    plan = _plan(session, session.engine.preview, **options)
    if not plan.changes():
        _epilogue(session, {key: out.value for key, out in session.engine.outputs().items()})
        return
    if session.operations.asks and not yes and not ask("Make these changes?"):
        raise UserError("Nothing was changed", exit_code=FAILED)
    with Progress(session.screen, f"Bringing up {session.stack}", _size(plan)) as progress:
        found = _run(session, session.engine.up, progress, **options)
    session.say(f"{counted(progress.run)}, in {duration(progress.elapsed_s)}.")
    _epilogue(session, {key: out.value for key, out in found.items()})


def refresh(session: Session) -> None:
    """Look at what is really there, show what differs, and put it into the state."""
    session.operations.preflight(session.settings)
    make_ready(session)
    with Progress(session.screen, f"Looking at {session.stack}") as progress:
        _run(session, session.engine.refresh, progress)
    run = progress.run
    drift = [step for step in run.done() if step.op != "refresh" or step.fields]
    for step in drift:
        session.screen.print(planned(step))
    session.say(
        f"{len(drift)} differ from the settings; `make up` mends them."
        if drift
        else f"No drift, looked for in {duration(progress.elapsed_s)}."
    )


def down(session: Session, *, yes: bool, ask: Callable[[str], bool]) -> None:
    """Take away everything but what is protected, after showing it; say what stays."""
    make_ready(session)
    plan = _plan(session, session.engine.preview_destroy, exclude_protected=True)
    if plan.changes():
        if session.operations.asks and not yes and not ask("Take these away?"):
            raise UserError("Nothing was changed", exit_code=FAILED)
        with Progress(session.screen, f"Taking down {session.stack}", _size(plan)) as progress:
            _run(session, session.engine.destroy, progress, exclude_protected=True)
        session.say(f"{counted(progress.run)}, in {duration(progress.elapsed_s)}.")
    else:
        session.say("Nothing to take down.")
    stays = kept(session)
    if stays:
        session.say("These stay:")
        for line in stays:
            session.say(f"  {line}")
        session.say(
            f"`make up STACK={session.stack}` finds them again; "
            f"`make delete-data STACK={session.stack}` deletes them for good."
        )


def kept(session: Session) -> list[str]:
    """Name what is left of a stack: protected resources in the state, data on the machine."""
    lines = []
    for resource in session.engine.resources():
        if resource.get("custom") and not resource["type"].startswith("pulumi:providers:"):
            kind, name = describe(resource["urn"])
            lines.append(f"{name} ({kind})")
    return lines + session.operations.leftovers(session.stack)


def delete_data(session: Session) -> None:
    """Delete what ``down`` kept. Refuses while anything else of the stack is there."""
    make_ready(session)
    alive = [
        describe(resource["urn"])[1]
        for resource in session.engine.resources()
        if resource.get("custom")
        and not resource.get("protect")
        and not resource["type"].startswith("pulumi:providers:")
    ]
    if alive:
        raise UserError(
            f"Stack {session.stack}: should be down before its data is deleted, "
            f"got {len(alive)} resources that are there ({', '.join(alive[:3])}, ...)",
            f"Run `make down STACK={session.stack}` first.",
        )
    session.engine.unprotect()
    with Progress(session.screen, f"Deleting the data of {session.stack}") as progress:
        _run(session, session.engine.destroy, progress)
    for line in session.operations.delete_data(session.stack):
        session.say(f"  - deleted {line}")
    session.say(f"The data of {session.stack} is deleted.")


def _plan(session: Session, operation: Callable[..., Any], **options: Any) -> Run:
    """Run a preview and show it."""
    with Progress(session.screen, f"Planning {session.stack}", quiet=True) as progress:
        _run(session, operation, progress, **options)
    run = progress.run
    steps = [
        step
        for (_, op), step in run.steps.items()
        if op not in {"refresh", "create-replacement", "delete-replaced"}
    ]
    if not run.changes():
        session.say(f"{session.stack}: nothing to change ({run.counts()['same']} resources).")
    elif not steps:
        session.say(f"{session.stack}: only the outputs change.")
    else:
        session.say(f"{session.stack}: {len(steps)} to change, {run.counts()['same']} stay.")
    for step in steps:
        session.screen.print(planned(step))
    return run


def _size(plan: Run) -> int:
    return len([op for _, op in plan.steps if op not in {"replace", "refresh"}])


def _run(
    session: Session, operation: Callable[..., Any], progress: Progress, **options: Any
) -> Any:
    """Run the engine; turn what went wrong into one error, each problem told once."""
    try:
        return operation(progress.heard, **options)
    except CommandError as error:
        if session.engine.refused:
            raise session.engine.refused[0] from None
        problems = progress.run.problems or [Problem("", line) for line in errors_of(str(error))]
        raise UserError("\n".join(map(str, problems)), exit_code=FAILED) from None


def errors_of(text: str) -> list[str]:
    """Return the errors in what the CLI printed: its ``error:`` lines, or else its last line."""
    lines = [line.strip() for line in text.splitlines()]
    found = [tidy(line) for line in lines if line.startswith("error: ")]
    last = next((line for line in reversed(lines) if line), "the engine failed and gave no reason")
    return list(dict.fromkeys(found or [last]))


def _epilogue(session: Session, values: dict[str, Any]) -> None:
    """End with where the app is and what to do next."""
    if url := values.get(outputs.URL):
        revision = str(values.get(outputs.REVISION, ""))[:12]
        session.say(f"\n  {url}" + (f"   (revision {revision})" if revision else ""))
    stack = f" STACK={session.stack}"
    session.say(
        f"\nNext: make status{stack}   is it up, what runs on it\n"
        f"      make ssh{stack}      a shell on the app server\n"
        f"      make preview{stack}  what a change of the settings would do\n"
        f"      make down{stack}     take it away; the data stays"
    )
