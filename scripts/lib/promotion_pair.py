"""The two stacks of a promotion with their servers, and how far those say that it is."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from components.errors import NotUp, UserError
from scripts.lib import app_server, views
from scripts.lib.session import Session

COPY_S = 1800
INDEXES_S = 6 * 3600
SWITCH_S = 300
COMPARE_S = 24 * 3600
STEPS_S = 5.0


class Steps:
    """Says what the servers do; of steps that begin alike, as for each table, one in a while."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._kind: list[str] = []
        self._said_s = 0.0

    def __call__(self, text: str) -> None:
        """``text`` is the stack, then the step of its server."""
        kind, now_s = text.split()[:2], time.monotonic()
        if kind != self._kind or now_s - self._said_s > STEPS_S:
            self._say(f"  {text} ...")
            self._kind, self._said_s = kind, now_s


@dataclass(frozen=True)
class Pair:
    """The two stacks, with their servers."""

    old: Session
    new: Session
    old_server: app_server.AppServer
    new_server: app_server.AppServer
    turn: dict[str, str] = field(default_factory=dict)
    """Goes with all that the servers are asked."""

    def say(self, text: str) -> None:
        self.old.say(text)

    @cached_property
    def addresses(self) -> tuple[str, str]:
        """Of the two servers, as each is seen by the other."""
        sides = (self.old, self.old_server), (self.new, self.new_server)
        old, new = (
            session.operations.own_address({**views.values(session), **server.way_in})
            for session, server in sides
        )
        return old, new


def pair(old: Session, new: Session) -> Pair:
    """Read both from their states; raises ``UserError`` for stacks between which none can be."""
    if old.stack == new.stack:
        raise UserError("--to: should be a stack other than --from")
    if (old.settings.stage, new.settings.stage) != (1, 2):
        raise UserError(
            f"A promotion leads from stage 1 to stage 2, not from stage {old.settings.stage} to"
            f" stage {new.settings.stage}",
            "Swap --from and --to, or name other stacks.",
        )
    old.say(f"Looking at {old.stack} and {new.stack} ...")
    steps, turn = Steps(old.say), dict[str, str]()
    return Pair(
        old,
        new,
        replace(_server_of_old(old), step=steps, turn=turn),
        replace(app_server.read(new), step=steps, turn=turn),
        turn,
    )


def _server_of_old(old: Session) -> app_server.AppServer:
    """Which is down after a promotion that is finished; what brings it up would bring old data."""
    try:
        return app_server.read(old)
    except NotUp:
        raise NotUp(
            f"Stack {old.stack} is not up, so there is no promotion from it",
            "After --finish and `down` nothing is left to do.",
        ) from None


def position(both: Pair) -> dict[str, Any]:
    """``phase``: ``copying``, ``switched``, ``finished``, or nothing, as the stage 1 server has it.
    ``switching``: ``to`` or ``from`` the new database, in the middle of that."""
    asked = {"mode": "promotion phase", "other": both.new.stack}
    return both.old_server.perform(asked, both.say)


def take_turn(both: Pair, phase: str) -> None:
    """Let no other run of a step go on beside this one, which found the promotion in ``phase``."""
    taken = secrets.token_hex(8)
    for server, side in ((both.old_server, "from"), (both.new_server, "to")):
        asked = {"mode": "promotion turn", "taken": taken, "side": side, "phase": phase}
        server.perform(asked, both.say, deadline_s=SWITCH_S)
    both.turn["turn"] = taken


def state(both: Pair) -> dict[str, Any]:
    """How it stands, as the stage 1 server says."""
    return both.old_server.perform({"mode": "promotion state"}, both.say)
