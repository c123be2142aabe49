"""One command on one stack: the checkout, the settings, the engine and the screen, put together."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pulumi.automation.errors import ConcurrentUpdateError
from rich.console import Console

from components import settings
from components.errors import UserError, invalid
from components.seam.operations import Operations
from components.seam.provider import load
from components.settings import stacks
from scripts.lib import checkout as own
from scripts.lib import command, owed, own_backend, pins, recovery
from scripts.lib.checkout import Checkout
from scripts.lib.display import Progress, make_screen
from scripts.lib.engine import Engine

KEEP_HERE = "STAGES_STATE"
"""Environment variable; ``here`` lets a cloud's stack keep its state in the checkout."""
BACKENDS = ("file", "s3", "gs", "azblob", "https", "http", "postgres")
"""What the engine knows (its ``pkg/backend/diy``, and the service's own); with another word it
asks for a token of the service instead."""
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Session:
    """Everything a command works with. Made by ``open_session``."""

    stack: str
    checkout: Checkout
    settings: settings.Settings
    engine: Engine
    operations: Operations
    screen: Console

    def say(self, text: str) -> None:
        self.screen.print(text)


def open_session(stack: str, *, screen: Console | None = None) -> Session:
    """Read and check the stack's settings, then make the engine ready; nothing is deployed yet.

    Raises ``UserError`` for an unknown stack, bad settings, or a state without its passphrase.
    """
    checkout = Checkout(ROOT)
    file = checkout.settings_file(stack)
    known = stacks.names(ROOT / "stacks")
    if stack not in known:
        raise stacks.unknown(stack, known)
    command.make_ready(stack)
    chosen = settings.read(stack, stacks.values(file, f"stacks/{file.name}"))
    environment = own.prepare(checkout, os.environ)
    version = pins.pinned_version((ROOT / "requirements.txt").read_text(), "pulumi")
    return Session(
        stack=stack,
        checkout=checkout,
        settings=chosen,
        engine=Engine(checkout, stack, _program(), environment, version),
        operations=load(chosen.cloud).operations,
        screen=screen or make_screen(),
    )


def make_ready(session: Session) -> None:
    """Make the stack in the state where it is new, and mend what a killed run left behind."""
    checkout, engine = session.checkout, session.engine
    if not checkout.keeps_its_state(os.environ):
        scheme, path, _ = os.environ[own.BACKEND].partition("://")
        if not path or scheme not in BACKENDS:
            raise invalid(
                own.BACKEND,
                f"a URL that begins with one of {', '.join(BACKENDS)} and ://",
                scheme[:20],  # what follows may hold a password
                "For example s3://<bucket>; unset it to keep the state in this checkout.",
            )
        pending = own_backend.pending(engine)
        if pending is None:
            provider = os.environ.get(own_backend.PROVIDER, "")
            own_backend.make(engine, checkout.root, session.stack, provider)
        elif pending:
            try:
                _look_at_what_is_there(session, pending)
            except ConcurrentUpdateError as error:  # a run's that goes on, or its lock's
                raise own_backend.locked(session.stack, error) from None
        return  # a lock there is the user's to take away
    if session.operations.asks and os.environ.get(KEEP_HERE) != "here":
        raise UserError(
            f"{own.BACKEND}: should name a backend that outlives this machine, as stack "
            f"{session.stack} is on {session.settings.cloud}, got none",
            f"Make the bucket that the README describes; or {KEEP_HERE}=here keeps the state in "
            "this checkout's .stages/state all the same.",
        )
    engine.ensure_stack()
    own.place_salt(checkout, session.stack)
    earlier = recovery.look(checkout, session.stack, recovery.ALONE_S)
    recovery.end_providers(checkout, session.say)
    if earlier.dead:
        killed = ", ".join(str(lock.pid) for lock in earlier.dead)
        session.say(f"An earlier run (process {killed}) was killed: its lock is removed.")
        engine.cancel()
    if earlier.pending:
        _look_at_what_is_there(session, earlier.pending)


def _look_at_what_is_there(session: Session, pending: int) -> None:
    """Let the engine forget what a killed run was making, after a look at all that it has."""
    session.say(
        f"An earlier run did not finish {pending} operation(s): checking the resources against the"
        " cloud."
    )
    for line in owed.being_made(session.engine.deployment()) if session.operations.asks else ():
        session.say(f"  {line}")
    with Progress(session.screen, "Refreshing", quiet=True) as progress:
        session.engine.refresh(progress.heard, clear_pending_creates=True)
    session.say("Recovered.")


def _program() -> Callable[[], None]:
    """Import the program late: the clouds' SDKs take their time, and most commands need none."""

    def run() -> None:
        from components.program import program

        program()

    return run
