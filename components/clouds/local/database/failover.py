"""The takeover: the standby becomes the primary, and the old primary never writes again.

An operator's command, since a machine that decides by itself who is dead needs more of them. The
order is what keeps writes safe: first the old primary is ended and its files made a follower's,
then the note says who leads, then the standby is promoted, and at last the name moves. Killed at
any point, the next ``make up`` goes on from the note.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from components.clouds.local.database import cluster, replication
from components.clouds.local.database.cluster import Cluster
from components.clouds.local.hosts import names
from components.clouds.local.hosts.nspawn import Host
from components.errors import StepFailed, UserError

ORDERLY_STOP_S = 15
"""For a primary that answers to hand over the end of its log, before it is killed."""


@dataclass(frozen=True, kw_only=True)
class Takeover:
    """What a failover will do: a plan, made without a change."""

    stack: str
    database: str
    """The name that moves."""
    primary: str
    primary_address: str
    primary_state: str
    """``answers``, ``does not answer`` or ``off``."""
    standby: str
    standby_address: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """Say it in words."""
        how = "is shut down" if self.primary_state == "answers" else "is switched off, as it stands"
        return [
            f"primary {self.primary} ({self.primary_address}): {self.primary_state}",
            f"standby {self.standby} ({self.standby_address}): has every acknowledged write",
            f"1. {self.primary} {how}; from here on it starts as a standby or not at all",
            f"2. {self.standby} becomes the primary",
            f"3. the name {self.database} moves to {self.standby_address}",
            "Writes stop until the name has moved. Then there is no standby until "
            f"`make up STACK={self.stack}` has made one of {self.primary}.",
        ]

    def run(self, say: Callable[[str], None]) -> None:
        """Do it. Raises ``UserError`` where the old primary cannot be ended: nothing is promoted
        then."""
        with cluster.turn(self.stack):
            known, old, new = _pair(self.stack)
            if known.primary != self.primary:
                raise StepFailed(f"{known.primary} became the primary meanwhile")
            _fence(known, old, orderly=self.primary_state == "answers")
            say(f"{self.primary}: off")
            known = replace(known, primary=self.standby, synchronous="")
            cluster.write(known)
            replication.put_role(new, self.standby, known)
            replication.promote(new)
            replication.reload(new)
            followers = [name for name, _ in known.members if known.follows(name)]
            replication.keep_log_for(new, followers)
            say(f"{self.standby}: primary")
            names.publish(self.stack, self.database, self.standby_address)
            say(f"{self.database}: leads to {self.standby_address}")


def plan(stack: str) -> Takeover:
    """See whether the standby can take over without a loss; change nothing.

    Raises ``UserError`` where it cannot.
    """
    known, old, new = _pair(stack)
    state = "off"
    if old is not None and old.state() == "running":
        # Asked from where the standby is: a primary that is cut off answers on its own socket.
        probe = ["pg_isready", "--quiet", f"--host={old.spec().address}", "--timeout=2"]
        state = "answers" if new.run(probe).returncode == 0 else "does not answer"
    return Takeover(
        stack=stack,
        database=known.name,
        primary=known.primary,
        primary_address=old.spec().address if old else "no host",
        primary_state=state,
        standby=new.spec().hostname,
        standby_address=new.spec().address,
    )


def _pair(stack: str) -> tuple[Cluster, Host | None, Host]:
    """The note, the primary's host and the standby's, which is fit to take over."""
    known = next(iter(cluster.every(stack)), None)
    if known is None or known.spare is None:
        raise UserError(
            f"Stack {stack}: should have a standby to fail over to, got none",
            "stages:database.standby: true makes one, in stage 2.",
        )
    new = known.host(known.spare)
    if known.synchronous != known.spare or new is None:
        raise StepFailed(
            f"Stack {stack}: {known.spare} is not in step with {known.primary}, so that "
            "acknowledged writes would be lost",
            f"`make refresh STACK={stack}`, then `make up STACK={stack}`, makes it a standby.",
        )
    if not replication.answers(new):
        raise StepFailed(
            f"Stack {stack}: the standby {known.spare} does not answer",
            f"`make refresh STACK={stack}`, then `make up STACK={stack}`, brings it back.",
        )
    return known, known.host(known.primary), new


def _fence(known: Cluster, old: Host | None, *, orderly: bool) -> None:
    """End the old primary for good: its processes are seen to be gone, and its files are those of
    a follower, whoever starts it."""
    if old is None:
        return
    if orderly:
        old.stop(timeout_s=ORDERLY_STOP_S)
    old.kill()
    follower = replace(known, primary=known.spare or "", synchronous="")
    replication.put_role(old, known.primary, follower)
