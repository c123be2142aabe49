"""What a promotion states in the settings files of its two stacks, which it then brings up."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from components.settings import stacks
from scripts.lib import confirm, flows
from scripts.lib.promotion_pair import Pair
from scripts.lib.session import Session

PROMOTED_TO, TUNNEL_FROM = "database.promoted_to", "access.tunnel_from"
SUBSCRIBES = "database.subscribes"
Stated = Mapping[str, str | bool | None]
"""Settings by their keys."""


def open_networks(both: Pair) -> None:
    """Let the tunnels through both networks, and the new database to its app server."""
    open_old_network(both)
    if not both.old.operations.join:
        ensure(both.new, {SUBSCRIBES: True})


def open_old_network(both: Pair) -> None:
    if both.old.operations.join:
        both.old.operations.join(both.old.settings, both.new.settings, True)
    else:
        ensure(both.old, {TUNNEL_FROM: both.addresses[1]})


def close_networks(both: Pair) -> None:
    if both.old.operations.join:
        both.old.operations.join(both.old.settings, both.new.settings, False)
    ensure(both.old, {TUNNEL_FROM: None})
    subscribe_no_more(both)


def subscribe_no_more(both: Pair) -> None:
    """The new database is let through to its app server no more."""
    ensure(both.new, {SUBSCRIBES: None})


def ensure(session: Session, wanted: Stated) -> None:
    """Bring a stack up with settings, unless its file has them already."""
    if _differing(_file(session), wanted):
        bring_up(session, wanted)


def bring_up(session: Session, wanted: Stated) -> None:
    """Bring a stack up with other settings, which its file then has; ``None`` removes one.

    The file, the stack or both may have them already, if an earlier run was killed.
    """
    differing = _differing(_file(session), wanted)
    edit = partial(_edit, session, wanted)
    flows.up_with(session, edit, yes=True, ask=confirm.confirm, show_downtime=False)
    _say(session, differing)


def remove(session: Session, *keys: str) -> None:
    """Take settings out of the file of a stack that is down."""
    differing = _differing(_file(session), dict.fromkeys(keys))
    _edit(session, differing, _file(session))
    _say(session, differing)


def states(session: Session, key: str) -> bool:
    """Whether a stack's file has a setting."""
    return bool(_differing(_file(session), {key: None}))


def _say(session: Session, differing: Stated) -> None:
    for key, value in differing.items():
        now = "is removed" if value is None else f"is {str(value).lower()} now"
        session.say(f"{flows.settings_name(session)}: stages:{key} {now}; commit it.")


def _file(session: Session) -> Path:
    return session.checkout.settings_file(session.stack)


def _differing(file: Path, wanted: Stated) -> Stated:
    known = stacks.values(file, file.name)
    return {key: value for key, value in wanted.items() if known.get(key) != value}


def _edit(session: Session, wanted: Stated, file: Path) -> None:
    for key, value in _differing(file, wanted).items():
        kind = "bool" if isinstance(value, bool) else "string"
        text = None if value is None else str(value).lower() if kind == "bool" else str(value)
        session.engine.configure(file, f'stages:["{key}"]', text, kind)
