"""What the commands that change nothing show: outputs, status, a shell."""

from __future__ import annotations

import os
from typing import Any

from components import outputs
from components.errors import StackBusy, StepFailed, UserError, not_up
from components.visible import visible_json
from scripts.lib import failed_boots, recovery, ssh, status
from scripts.lib import owed as owed_by
from scripts.lib.session import Session


def show_outputs(session: Session, *, as_json: bool) -> None:
    """Show the outputs, secrets hidden."""
    results = session.engine.outputs() if is_up(session) else {}
    if as_json:
        shown = {key: None if out.secret else out.value for key, out in results.items()}
        print(visible_json(shown, sort_keys=True))
        return
    if not results:
        raise not_up(session.stack)
    width = max(map(len, results))
    for key, out in sorted(results.items()):
        session.say(f"{key:{width}}  {'[secret]' if out.secret else out.value}")


def show_status(session: Session, *, as_json: bool, anew: bool = False) -> int:
    """Show whether the stack is up; return 0 if it is healthy, 1 if not. ``anew``: instead of what
    is on the screen."""
    busy = ""
    try:
        recovery.look(session.checkout, session.stack)
    except StackBusy as error:
        busy = error.problem
    hosts = session.operations.hosts(session.stack)
    databases = session.operations.databases(session.stack)
    state = status.look(session.stack, _known(session), hosts, busy, databases)
    state.owed = owed(session)
    state.pending = _pending(session)
    if as_json:
        print(visible_json(state.as_json()), flush=True)
    else:
        if anew:
            session.screen.clear()
        for line in state.lines():
            session.say(line)
    return 0 if state.healthy else 1


def _known(session: Session) -> dict[str, Any]:
    """The stack's outputs, and the way into its server where they are those of one that has gone.

    An ``up`` that did not end leaves the outputs as they were.
    """
    made = values(session)
    configured = failed_boots.configured(session.engine.resources()) if made else set()
    return made if made.get(outputs.SERVER_ID) in configured else {**made, **way_in(session)}


def open_shell(session: Session, command: list[str]) -> int:
    """Run the operator's ssh; return its exit code."""
    login = way_in(session)
    if not login:
        raise StepFailed(
            f"Stack {session.stack} has no app server that can be logged in to",
            f"`make up STACK={session.stack}` makes one; while it runs, wait until it says that "
            "the way in was created.",
        )
    return ssh.run(login, [ssh.command_line(command)] if command else ()).returncode


def way_in(session: Session) -> dict[str, Any]:
    """Return how to log in to the app server as soon as there is one, whatever came of the rest."""
    if not exists(session):
        return {}
    login: dict[str, Any] = failed_boots.way_in(session.engine.resources(show_secrets=True))
    if login:
        return login if login[outputs.SSH_HOST_KEY] else {}  # a server that never answered
    made = values(session)  # by an earlier version
    return made if made.get(outputs.SSH_HOST) else {}


def exists(session: Session) -> bool:
    """Whether the stack is in the state, without asking the engine where that can be known."""
    checkout = session.checkout
    return not checkout.keeps_its_state(os.environ) or checkout.state_file(session.stack).exists()


def is_up(session: Session) -> bool:
    """Whether anything of the stack is there that ``down`` would take away."""
    if not exists(session):
        return False
    every = session.engine.resources()
    resources = {resource.urn: resource for resource in every if not resource.is_left_over}
    stays: set[str] = set()
    # The engine leaves what is protected, and all that it needs: RDS its parameter group.
    waiting = [urn for urn, resource in resources.items() if resource.is_protected]
    while waiting:
        urn = waiting.pop()
        if urn in resources and urn not in stays:
            stays.add(urn)
            waiting += resources[urn].needs()
    return any(
        resource.is_real and (resource.is_left_over or resource.urn not in stays)
        for resource in every
    )


def _pending(session: Session) -> list[str]:
    """Return what waits at the cloud; that it does not say must not keep the rest back."""
    try:
        return session.operations.pending(session.settings)
    except UserError as error:
        return [f"not known: {error.problem}"]


def owed(session: Session) -> list[str]:
    """Return what earlier runs left for the next ``up``, one line each."""
    if not exists(session):
        return []
    protected = session.settings.data.protected
    return owed_by.lines(session.stack, session.engine.deployment(), protected=protected)


def values(session: Session) -> dict[str, Any]:
    """Return the stack's outputs, secrets in clear; none if the stack was never made."""
    if not is_up(session):
        return {}
    return {key: out.value for key, out in session.engine.outputs().items()}
