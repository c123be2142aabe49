"""Who of a database's hosts is the primary: the local cloud's own note of it.

A database has members, each a host on a volume of its own: the first one, which has the database's
name, a standby, and read replicas. First one and standby change roles in a failover, so what a
resource is called does not say what it does; this note does, and nothing else. It lies beside the
volumes and goes with the first one's: it outlives hosts and ``make down``, as the data does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from components.clouds.local.hosts import inventory, machine
from components.clouds.local.hosts.nspawn import Host

Kind = Literal["first", "standby", "replica"]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The note. What it says, every start of a member follows."""

    stack: str
    name: str
    """The database's name, by which its clients find the primary; the first member's as well."""
    version: str
    """PostgreSQL's major version."""
    primary: str
    """The one member that accepts writes. Every other one starts as a standby or not at all."""
    synchronous: str = ""
    """The member without whose disk no commit is acknowledged; empty: the primary's own is enough.

    While it names one, everything that was acknowledged is on both disks."""
    members: tuple[tuple[str, Kind], ...] = ()

    @property
    def spare(self) -> str | None:
        """The member that takes over: of first one and standby the one that is not the primary."""
        spares = [name for name, kind in self.members if kind != "replica" and name != self.primary]
        return spares[0] if spares else None

    def follows(self, member: str) -> bool:
        return member != self.primary

    def role(self, member: str) -> str:
        """``primary``, ``standby`` or ``replica``."""
        if not self.follows(member):
            return "primary"
        return "replica" if dict(self.members).get(member) == "replica" else "standby"

    def host(self, member: str) -> Host | None:
        """The member's host; ``None`` when it has none, or one that is only half made."""
        hosts = [host for host in inventory.every(self.stack) if host.spec().hostname == member]
        whole = [host for host in hosts if host.marker().get("complete")]
        return whole[0] if whole else None

    def with_member(self, member: str, kind: Kind) -> Cluster:
        return replace(self, members=tuple(sorted({**dict(self.members), member: kind}.items())))

    def without(self, member: str) -> Cluster:
        """Without a member that is not the primary."""
        if member == self.primary:
            raise ValueError(f"{member} is the primary of {self.name}")
        members = tuple(entry for entry in self.members if entry[0] != member)
        still = "" if member == self.synchronous else self.synchronous
        return replace(self, members=members, synchronous=still)


def slot(member: str) -> str:
    """The name by which PostgreSQL knows a member: of its replication slot, and of itself."""
    return "".join(char if char.isalnum() else "_" for char in member.lower())


def find(stack: str, name: str) -> Cluster | None:
    """What is noted of a database."""
    noted = machine.read_json(_file(stack, name))
    if noted is None:
        return None
    members = tuple((member, kind) for member, kind in noted.pop("members"))
    return Cluster(**{**noted, "stack": stack, "name": name}, members=members)


def every(stack: str) -> list[Cluster]:
    """All databases of a stack that are noted: one or none, as stages are."""
    names = sorted(file.stem for file in _folder(stack).glob("*.json"))
    return [known for name in names if (known := find(stack, name))]


def write(cluster: Cluster) -> None:
    """Note it, whole or not at all."""
    folder = _folder(cluster.stack)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fields = {k: v for k, v in asdict(cluster).items() if k not in {"stack", "name"}}
    machine.write(_file(cluster.stack, cluster.name), json.dumps(fields, indent=1) + "\n", 0o600)


def forget(stack: str, name: str) -> None:
    """The data is gone, and with it what was known of it."""
    _file(stack, name).unlink(missing_ok=True)


@contextmanager
def turn(stack: str) -> Iterator[None]:
    """One change of roles at a time: a failover, or an ``up`` that brings a member to its role.

    Raises nothing and waits: the other one ends by its own time limits.
    """
    with machine.lock(_folder(stack)):
        yield


def _folder(stack: str) -> Path:
    return machine.stack_folder(stack) / "volumes"


def _file(stack: str, name: str) -> Path:
    return _folder(stack) / f"{name}.json"
