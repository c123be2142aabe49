"""What the commands do, step by step: plan, change, tell."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from pulumi.automation.errors import CommandError, ConcurrentUpdateError

from components import atomic_write, outputs, release, settings
from components.errors import NotConfirmed, StackBusy, StepFailed, UserError, not_up
from components.seam import downtime
from components.settings import stacks
from components.settings.code import REVISION
from components.visible import visible_json
from scripts.lib import (
    epilogue,
    failed_boots,
    kept_backups,
    new_server,
    own_backend,
    recovery,
    remaining,
    views,
)
from scripts.lib.display import LEFT_OVER, Progress, away, counted, drifted, headline, planned
from scripts.lib.engine import Resource
from scripts.lib.events import OF_A_REPLACEMENT, Problem, Run, errors_of
from scripts.lib.execute import duration
from scripts.lib.session import ROOT, Session, make_ready

GONE = re.compile(r"\b404\b|\bNotFound\b|\bNoSuch[A-Z]\w+|\.NotFound\b|no longer exists")
"""How the clouds' providers say that they do not know a resource which is in the state."""
P = ParamSpec("P")


class Overlapped(StackBusy):
    """Another run held the stack's lock when this one wanted it, and has ended since."""


def _again_after_another(
    flow: Callable[Concatenate[Session, P], None],
) -> Callable[Concatenate[Session, P], None]:
    """Begin a flow once more, from its first look, when another run was in its way and is over.

    The engine of a run that was killed right after its plan locks the stack a moment later, and
    leaves the lock behind when it finds itself alone.
    """

    @functools.wraps(flow)
    def flow_again(session: Session, /, *args: P.args, **options: P.kwargs) -> None:
        try:
            flow(session, *args, **options)
        except Overlapped as error:
            session.say(f"{error.problem}: looking again.")
            flow(session, *args, **options)

    return flow_again


def preview(session: Session, *, as_json: bool = False) -> None:
    """Show what an ``up`` would do; change nothing but the plan's own bookkeeping."""
    _preflight(session)
    make_ready(session)
    run = _plan_of_up(session, **_looking(session), **_replacing(session))
    _ask_beforehand(session, run)
    if as_json:
        print(visible_json(_as_json(session, run)))


def engine_json(session: Session, *, refresh: bool) -> str:
    """What an ``up`` would do, as the engine's own JSON; ``refresh`` first looks at what is there.

    Neither changes anything, the state included.
    """
    session.operations.preflight(session.settings)
    session.operations.pending(session.settings)
    make_ready(session)
    lines: list[str] = []
    with Progress(session.screen, f"Planning {session.stack}", quiet=True) as progress:
        _run(
            session,
            session.engine.preview,
            progress,
            json=True,
            refresh=refresh,
            on_output=lines.append,
        )
    return "\n".join([*lines, ""])


def _as_json(session: Session, run: Run) -> dict[str, Any]:
    """The plan for a machine: ``steps``, one for each resource, and ``downtime``."""
    steps = run.planned()
    return {
        "stack": session.stack,
        "steps": [
            {
                "urn": step.urn,
                "op": step.op,
                "fields": sorted(step.fields),
                "old_first": step.old_first,
            }
            for step in steps
        ],
        "downtime": [line.as_json() for line in downtime.expected(steps, session.settings)],
    }


@_again_after_another
def up(
    session: Session,
    /,
    *,
    yes: bool,
    ask: Callable[[str], bool],
    last: bool = True,
    show_downtime: bool = True,
    **options: Any,
) -> None:
    """Bring the stack to what its settings say, after showing the plan.

    ``last``: say what to do next, since nothing comes after it.
    """
    _preflight(session)
    make_ready(session)
    session.operations.prepare(session.settings, session.say)
    options |= _looking(session) | _replacing(session, options.get("replace", []))
    plan = (
        _plan_of_up(session, **options)
        if show_downtime
        else _plan(session, session.engine.preview, **options)
    )
    if not plan.changes():
        # Only the engine knows all options of a resource (how long a deletion may take, what is
        # kept at the end): those that changed are in no plan, and it puts them into the state.
        title = f"Recording the options of {session.stack}"
        with Progress(session.screen, title, quiet=True) as progress:
            progress.run.warnings += plan.warnings  # told already
            _run(session, session.engine.up, progress, **options)
        if progress.run.changes():  # something has changed since the plan
            session.say(f"{counted(progress.run)}.")
        session.operations.cancel_pending(session.settings, session.say)
        epilogue.tell(session, progress, last=last)
        return
    _ask_beforehand(session, plan)
    if session.operations.asks and not yes and not ask("Make these changes?"):
        raise NotConfirmed
    with Progress(session.screen, f"Bringing up {session.stack}", _size(plan)) as progress:
        progress.run.warnings += plan.warnings  # told already
        _run(session, session.engine.up, progress, **options)
    session.say(f"{counted(progress.run)}, in {duration(progress.elapsed_s)}.")
    session.operations.cancel_pending(session.settings, session.say)
    epilogue.tell(session, progress, last=last)


def _ask_beforehand(session: Session, plan: Run) -> None:
    """Refuse a plan that would fail in its middle: no room in the account, no such package."""
    steps = plan.planned()
    session.operations.room(steps)
    if wanted := new_server.packages(steps):
        app, way_in = session.settings.app, views.way_in(session)
        app_packages = release.resolve(app, ROOT).needs(app).packages
        new_server.check(wanted, app_packages, way_in, session.stack, session.say)


def _looking(session: Session) -> dict[str, bool]:
    """Let the engine look at what is there first, where the cloud knows that hosts are down.

    Without it the engine believes its state, in which they run.
    """
    stopped = session.operations.stopped(session.settings)
    for line in stopped:
        session.say(line)
    return {"refresh": True} if stopped else {}


def _replacing(session: Session, also: Sequence[str] = ()) -> dict[str, list[str]]:
    """Let the engine replace servers whose first boot failed: they have served nothing."""
    resources = session.engine.resources()
    urns = set(also)
    for server, why in failed_boots.failed(resources).items():
        session.say(f"The first boot of {server} failed ({why}): it is replaced.")
        urns |= set(servers(resources, server))
    return {"replace": sorted(urns)} if urns else {}


@_again_after_another
def refresh(session: Session) -> None:
    """Look at what is really there, show what differs, and put it into the state."""
    session.operations.preflight(session.settings)
    make_ready(session)
    with Progress(session.screen, f"Looking at {session.stack}") as progress:
        _run(session, session.engine.refresh, progress)
    drift = progress.run.drift()
    for step in drift:
        session.screen.print(drifted(step))
    session.say(
        f"{len(drift)} differ; `make up STACK={session.stack}` corrects them."
        if drift
        else f"No drift (checked in {duration(progress.elapsed_s)})."
    )
    for line in views.owed(session):
        session.say(f"  owed: {line}")


@_again_after_another
def down(session: Session, /, *, yes: bool, ask: Callable[[str], bool]) -> None:
    """Take away everything but what is protected, after showing it; say what stays."""
    make_ready(session)
    _keep_undeletable(session)
    if views.is_up(session):
        plan = _plan(session, session.engine.preview_destroy, exclude_protected=True)
        if session.operations.asks and not yes and not ask("Take these away?"):
            raise NotConfirmed
        with Progress(session.screen, f"Taking down {session.stack}", _size(plan)) as progress:
            # Without a run of the program the providers keep the settings of the last `up`.
            force = session.settings.host.force_stop
            _run(
                session,
                session.engine.destroy,
                progress,
                exclude_protected=True,
                run_program=force or None,
            )
        session.say(f"{counted(progress.run)}, in {duration(progress.elapsed_s)}.")
    else:
        session.say(f"{session.stack}: nothing to take down.")
    if stays := _stays(session):
        session.say("These stay:")
        for line in stays:
            session.say(f"  {line}")
        kept = kept_backups.resources(session.stack, session.engine.resources())
        if promoted_to := session.settings.database.promoted_to:
            session.say(
                f"The app was promoted to {promoted_to}, and only that stack has what was written"
                " since --finish."
            )
        session.say(
            f"`make up STACK={session.stack}` uses them again; "
            f"`make delete-data STACK={session.stack}` deletes them for good"
            + (", but for the backups, which WITH_BACKUPS=1 deletes too." if kept else ".")
        )


def _stays(session: Session) -> list[str]:
    """What is left: in the state with its price, and what only the cloud knows of."""
    resources = session.engine.resources()
    outside = session.operations.leftovers(session.stack)
    if not session.operations.asks:  # nothing costs anything, and the cloud's words say more
        return outside or [resource.title for resource in resources if resource.is_real]
    known = [resource.id for resource in resources if resource.is_real]
    stored = session.operations.stored(
        [resource.state for resource in resources if resource.is_real]
    )
    return [
        *remaining.lines(session.stack, resources, stored),
        *(line for line in outside if not any(id_ and id_ in line for id_ in known)),
        *session.operations.unmanaged(session.settings),
    ]


def delete_data(session: Session, *, with_backups: bool = False) -> None:
    """Delete what ``down`` kept, its backups only if asked for. Refuses while anything else of the
    stack is there."""
    make_ready(session)
    if views.is_up(session):
        raise UserError(
            f"Stack {session.stack}: should be down before its data is deleted, got one that is up",
            f"Run `make down STACK={session.stack}` first.",
        )
    every = session.engine.resources()
    backups = [] if with_backups else kept_backups.resources(session.stack, every)
    stay = {resource.urn for resource in backups}
    going = [resource for resource in every if resource.is_real and resource.urn not in stay]
    refused = False
    if going:
        session.operations.unlock([resource.state for resource in going])
        if locked := [resource.urn for resource in going if resource.is_protected]:
            session.engine.unprotect(locked)
        refused = _keep_undeletable(session)
        with Progress(session.screen, f"Deleting the data of {session.stack}") as progress:
            _run(session, session.engine.destroy, progress, exclude_protected=True)
    for line in session.operations.delete_data(session.stack, not backups):
        session.say(f"  - deleted {line}")
    if backups:
        session.say(f"{session.stack}: all data is deleted but the backups, which stay:")
        for line in kept_backups.lines(session.stack, backups, session.operations):
            session.say(f"  {line}")
        session.say(
            f"`make up STACK={session.stack}` makes a new database beside them; `make delete-data"
            f" STACK={session.stack} CONFIRM={session.stack} WITH_BACKUPS=1` deletes them for good."
        )
    else:
        session.say(f"{session.stack}: no {'other ' if refused else ''}data is left.")
    if billed := session.operations.unmanaged(session.settings):
        session.say("Its cloud still bills, until you delete them:")
        for line in billed:
            session.say(f"  {line}")


def replace(session: Session, *, yes: bool, ask: Callable[[str], bool]) -> None:
    """Replace the app server, whatever came of it."""
    make_ready(session)
    resources = session.engine.resources()
    made = failed_boots.way_in(resources) or views.values(session)
    urns = servers(resources, str(made.get(outputs.SERVER_ID) or ""))
    if not urns:
        raise not_up(session.stack)
    up(session, yes=yes, ask=ask, replace=urns)


def servers(resources: Iterable[Resource], id_: str) -> list[str]:
    """URNs of the server that the stack's outputs call ``id_``.

    What is made of a server goes by that id too, and says where it has it from: on AWS the server
    itself goes by another one in the state.
    """
    real = {
        resource.urn: resource
        for resource in resources
        if resource.is_real and not resource.state.get("delete")
    }
    waiting = [urn for urn, resource in real.items() if id_ and resource.id == id_]
    urns: set[str] = set()
    while waiting:
        urn = waiting.pop()
        sources = [source for source in real[urn].source_of("server_id") if source in real]
        waiting += sources
        if not sources:
            urns.add(urn)
    return sorted(urns)


def deploy(session: Session, revision: str, *, yes: bool, ask: Callable[[str], bool]) -> None:
    """Bring the stack up with a revision of the app; its settings file gets it once that serves.

    So a deploy that fails, is refused or is killed leaves the file as it was, and the next `up`
    does not try that revision again.
    """
    revision = REVISION.read("--revision", revision)  # else the file could not be read again
    release.resolve(dataclasses.replace(session.settings.app, revision=revision), ROOT)

    def edit(file: Path) -> None:
        file.write_text(stacks.with_setting(file.read_text(), "app.revision", revision))

    up_with(session, edit, yes=yes, ask=ask)
    session.say(f"{settings_name(session)}: stages:app.revision is {revision} now.")


def up_with(
    session: Session,
    edit: Callable[[Path], None],
    *,
    yes: bool,
    ask: Callable[[str], bool],
    show_downtime: bool = True,
) -> None:
    """Bring the stack up with an edited settings file, which becomes the stack's own after that."""
    make_ready(session)
    file = session.checkout.settings_file(session.stack)
    with tempfile.TemporaryDirectory(dir=session.checkout.own) as folder:
        wanted, before = Path(folder) / file.name, file.read_text()
        wanted.write_text(before)
        edit(wanted)
        values = stacks.values(wanted, settings_name(session))
        chosen = settings.read(session.stack, values)
        changed = dataclasses.replace(session, settings=chosen)
        up(
            changed,
            yes=yes,
            ask=ask,
            last=False,
            show_downtime=show_downtime,
            config_file=str(wanted),
        )
        if file.read_text() != before:  # somebody wrote it meanwhile
            wanted.write_text(file.read_text())
            edit(wanted)
        atomic_write.write(file, wanted.read_text())


def settings_name(session: Session) -> str:
    """The settings file, as seen from the checkout."""
    return f"stacks/{session.checkout.settings_file(session.stack).name}"


def write_revision(session: Session, revision: str) -> None:
    """Write the app's revision into the stack's settings file."""
    file = session.checkout.settings_file(session.stack)
    text = file.read_text()
    changed = stacks.with_setting(text, "app.revision", revision)
    if changed != text:
        atomic_write.write(file, changed)
        session.say(f"{settings_name(session)}: stages:app.revision is {revision} now.")


def _preflight(session: Session) -> None:
    """Refuse what the cloud cannot do, then say what its user should know beforehand."""
    session.operations.preflight(session.settings)
    for note in session.operations.notes(session.settings):
        session.say(note)
    for line in session.operations.pending(session.settings):
        session.say(f"pending: {line}")


def _keep_undeletable(session: Session) -> bool:
    """Protect what the cloud would refuse to delete, so that a run leaves it out and ends well.

    Whether there is any.
    """
    resources = session.engine.resources() if views.exists(session) else []
    undeletable = session.operations.undeletable(
        [resource.state for resource in resources if resource.is_real]
    )
    for resource in resources:
        if resource.urn in undeletable and not resource.is_protected:
            session.say(f"{resource.title} stays: {undeletable[resource.urn]}.")
            session.engine.protect(resource.urn)
    return bool(undeletable)


def _plan(session: Session, operation: Callable[..., Any], **options: Any) -> Run:
    """Run a preview and show it."""
    with Progress(session.screen, f"Planning {session.stack}", quiet=True) as progress:
        _run(session, operation, progress, **options)
    run = progress.run
    session.say(f"{session.stack}: {headline(run)}")
    for (urn, op), step in run.steps.items():
        if run.is_left_over(urn, op):
            session.screen.print(planned(step, LEFT_OVER))
        elif op != "refresh" and op not in OF_A_REPLACEMENT:
            session.screen.print(planned(step))
    return run


def _plan_of_up(session: Session, **options: Any) -> Run:
    """Show what an ``up`` would do, and what it means for the app."""
    run = _plan(session, session.engine.preview, **options)
    for line in away(downtime.expected(run.planned(), session.settings)):
        session.say(line)
    return run


def _size(plan: Run) -> int:
    return len([op for _, op in plan.steps if op not in {"replace", "refresh"}])


def _run(
    session: Session, operation: Callable[..., Any], progress: Progress, **options: Any
) -> Any:
    """Run the engine; turn what went wrong into one error, each problem told once."""
    try:
        return operation(progress.heard, **options)
    except ConcurrentUpdateError as error:
        if not session.checkout.keeps_its_state(os.environ):
            raise own_backend.locked(session.stack, error) from None
        recovery.look(session.checkout, session.stack, recovery.ALONE_S)  # tells who it is
        raise Overlapped(
            f"Stack {session.stack} was being changed a moment ago",
            "Run the command again.",
        ) from None
    except CommandError as error:
        if session.engine.refused:
            raise session.engine.refused[0] from None
        problems = progress.run.problems or [Problem("", line) for line in errors_of(str(error))]
        gone = any(GONE.search(problem.message) for problem in problems)
        hint = (
            f"\nWas it deleted outside of this stack? `make refresh STACK={session.stack}` looks "
            f"at what is really there; `make up STACK={session.stack}` then makes it again."
        )
        message = "\n".join(map(str, problems)) + (hint if gone else "")
        raise StepFailed(message) from None
