"""What a cloud does on the operator's machine around a run: optional, each hook with a default.

A cloud that has any has ``OPERATIONS`` in its ``operations.py``: a hook that is misspelt, or takes
something else, is an error of mypy and of the import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from components import outputs
from components.errors import UserError
from components.seam.downtime import Step
from components.settings import Settings

Reporter = Callable[[str], None]
"""Shows the operator one line."""


def _nothing(*_: object) -> None:
    return None


def _no_notes(_: Settings) -> list[str]:
    return []


def _all_deletable(_: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {}


def _none(_: str) -> list[str]:
    return []


def _deletes_nothing(_: str, _with_backups: bool) -> list[str]:
    return []


def _not_known(_: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {}


def _no_hosts(_: str) -> dict[str, str]:
    return {}


def _none_down(_: Settings) -> list[str]:
    return []


def _no_databases(_: str) -> list[dict[str, Any]]:
    return []


class Takeover(Protocol):
    """A failover that can be done: its plan, and the doing."""

    def lines(self) -> list[str]: ...

    def as_json(self) -> dict[str, Any]: ...

    def run(self, say: Reporter) -> None: ...


def _fails_over_by_itself(settings: Settings) -> Takeover:
    raise UserError(
        f"Stack {settings.stack}: should be one whose failover is asked for, got one on "
        f"{settings.cloud}",
        "In stage 2, stages:database.standby: true makes a standby, to which "
        f"{settings.cloud} fails over by itself.",
    )


def _recorded(values: Mapping[str, Any]) -> str:
    return str(values[outputs.SSH_HOST])


@dataclass(frozen=True)
class Operations:
    """The hooks of one cloud."""

    asks: bool = True
    """Whether a change costs money or is seen by others, so that it is asked for (``--yes``)."""
    preflight: Callable[[Settings], None] = _nothing
    """Raise ``UserError`` for what this machine lacks; change nothing."""
    room: Callable[[Sequence[Step]], None] = _nothing
    """Raise ``UserError`` where the account has no room for what a plan makes before anything of
    the old goes (the servers of a replacement); asks like ``preflight``."""
    notes: Callable[[Settings], list[str]] = _no_notes
    """What to know before the plan is made, one sentence each; asks like ``preflight``."""
    prepare: Callable[[Settings, Reporter], None] = _nothing
    """Make what the program needs on this machine (an image); say what takes long."""
    hosts: Callable[[str], dict[str, str]] = _no_hosts
    """The state of every host of a stack, by name, as the machine or the cloud sees it."""
    stopped: Callable[[Settings], list[str]] = _none_down
    """One sentence for each host that should run and does not, as after a reboot of the machine.
    If there is any, ``preview`` and ``up`` look at what is really there before they plan."""
    databases: Callable[[str], list[dict[str, Any]]] = _no_databases
    """The members of a stack's managed database, as ``scripts/lib/status.py`` shows them."""
    failover: Callable[[Settings], Takeover] = _fails_over_by_itself
    """What it takes to let the standby take over; raise ``UserError`` where it cannot."""
    point_in_time: str = ""
    """Which means of the cloud's own put a managed database back to a time of day: a sentence."""
    join: Callable[[Settings, Settings, bool], None] | None = None
    """For a promotion from the first stack to the second, where their networks meet on this machine
    alone: let the second's app server reach the first's over SSH, or no more. Repeated with each
    command. ``None``: they meet on the internet, and each stack's settings say what its network
    lets in (``NetworkNeeds.tunnel_from``, ``subscriber_port``)."""
    own_address: Callable[[Mapping[str, Any]], str] = _recorded
    """The address at which other stacks see the app server: where it answers, and where its own
    connections come from. Gets the stack's outputs."""
    replicate: str = "ALTER ROLE {role} REPLICATION"
    """The SQL by which the managed database's admin lets ``{role}`` replicate."""
    pending: Callable[[Settings], list[str]] = _no_notes
    """Changes that the cloud has accepted and not made yet, one sentence each. Asked before a
    plan, so that the program may leave them out."""
    cancel_pending: Callable[[Settings, Reporter], None] = _nothing
    """Cancel the changes of ``pending`` that the settings have taken back, at the end of ``up``."""
    unlock: Callable[[Sequence[Mapping[str, Any]]], None] = _nothing
    """Lift the cloud's own protection of data that is about to be deleted for good. Gets the
    resources in the engine's state."""
    undeletable: Callable[[Sequence[Mapping[str, Any]]], dict[str, str]] = _all_deletable
    """Of the resources in the engine's state, those that the cloud refuses to delete for good: by
    URN, why. ``down`` and ``delete-data`` leave them in place and in the state."""
    stored: Callable[[Sequence[Mapping[str, Any]]], dict[str, str]] = _not_known
    """Of the resources in the engine's state, what each bucket holds, by URN; one that does not
    answer is not in it."""
    unmanaged: Callable[[Settings], list[str]] = _no_notes
    """What the cloud keeps and bills and the engine never knew of (snapshots, logs), one line each
    with its price."""
    leftovers: Callable[[str], list[str]] = _none
    """What a stack still holds outside the engine's state, one line each."""
    delete_data: Callable[[str, bool], list[str]] = _deletes_nothing
    """Delete the data a stack still holds, with its backups or without them; return what was
    deleted, one line each."""
