"""What the policies may ask of a plan, whatever its cloud.

Each cloud's ``known/facts.py`` reads these facts out of its own resources; the rules in
``planning/policies`` judge them and know no cloud. ``None`` is what no rule judges: the cloud does
not offer it, or has no need of it (its README says why), or it is known only once something exists.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.seam.planned import UNKNOWN, PlannedResource, PlannedResources


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something about one resource."""

    urn: str
    name: str
    """Of the resource, as the program calls it."""


@dataclass(frozen=True, kw_only=True)
class Database(Fact):
    """A managed database, or a replica of one."""

    public: bool | None
    """Whether something outside the private network can open a connection to it."""
    encrypted: bool | None
    backup_days: int | None
    deletion_protected: bool | None
    """Whether the vendor itself refuses to delete it, whoever asks."""


@dataclass(frozen=True, kw_only=True)
class Disk(Fact):
    """A disk of a server."""

    encrypted: bool | None


@dataclass(frozen=True, kw_only=True)
class Kept(Fact):
    """Something that holds data, or an address that others know."""

    what: str
    protected: bool
    """Whether the engine refuses to delete it."""


@dataclass(frozen=True, kw_only=True)
class Server(Fact):
    """A server, as it is born."""

    user_data: str
    """Empty for none."""
    user_data_from: tuple[str, ...]
    """URNs of the resources that its boot document takes something from."""
    tokens_only: bool | None
    """Whether its metadata address answers only with a token, and only to the server itself."""
    image: str
    image_kept: bool | None
    """Whether a newer image leaves this server as it is."""


@dataclass(frozen=True, kw_only=True)
class Opening(Fact):
    """Ports that a firewall opens to networks."""

    cidrs: tuple[str, ...]
    first_port: int
    last_port: int


@dataclass(frozen=True, kw_only=True)
class Labelled(Fact):
    """Something that can carry labels."""

    labels: Mapping[str, str]


FactRule = Callable[[PlannedResource, PlannedResources], Iterable[Fact]]
"""What one resource of a type tells; the second argument is all of the stack's."""


def flag(inputs: Mapping[str, Any], key: str, default: bool = False) -> bool | None:
    """An input that is true or false; ``None`` while it is not known."""
    value = inputs.get(key)
    if value is None:
        return default
    return None if value == UNKNOWN else value in (True, "true")


def number(inputs: Mapping[str, Any], key: str, default: int) -> int | None:
    """A whole number; ``None`` while it is not known."""
    value = inputs.get(key)
    if value is None:
        return default
    return None if value == UNKNOWN else int(value)


def text(inputs: Mapping[str, Any], key: str) -> str:
    """A text; empty where there is none."""
    value = inputs.get(key)
    return "" if value is None else str(value)


def who(resource: PlannedResource) -> dict[str, str]:
    """Which resource a fact is about."""
    return {"urn": resource.urn, "name": resource.name}


def is_world(cidr: str) -> bool:
    """Whether a network is the whole internet."""
    try:
        return ipaddress.ip_network(cidr).prefixlen == 0
    except ValueError:
        return False
