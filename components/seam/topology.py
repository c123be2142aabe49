"""What a plan looks like: networks, servers and databases, and who may talk to whom on which port.

Each cloud's ``known/topology.py`` reads it out of its own resources: what stands where, and the
rules of its firewalls. Drawn by ``planning/topology_svg.py``; the contract tests read the flows as
promises.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from components.seam.planned import PlannedResource

Kind = Literal["outside", "address", "network", "server", "volume", "database", "bucket"]
INTERNET = "Internet"
ANY_PORT = "any port"


@dataclass(frozen=True, kw_only=True)
class Node:
    """One box."""

    id: str
    """URN, or the name of what is outside."""
    kind: Kind
    name: str
    lines: tuple[str, ...] = ()
    """What a person wants to know of it, a few words a line."""
    inside: str = ""
    """Id of the box around it."""
    protected: bool = False


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One arrow: ``source`` may open connections to ``target`` on these ports."""

    source: str
    target: str
    ports: tuple[str, ...]


@dataclass
class Picture:
    """Boxes and arrows."""

    nodes: dict[str, Node] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)

    def add(self, node: Node) -> Node:
        """Put a box in; one with the same id is there already."""
        return self.nodes.setdefault(node.id, node)

    def allow(self, source: str, target: str, port: str) -> None:
        """Let ``source`` talk to ``target`` on one more port."""
        for at, flow in enumerate(self.flows):
            if (flow.source, flow.target) == (source, target):
                if port not in flow.ports:
                    self.flows[at] = Flow(source=source, target=target, ports=(*flow.ports, port))
                return
        self.flows.append(Flow(source=source, target=target, ports=(port,)))

    def outside(self, cidrs: Iterable[str]) -> str:
        """The box for addresses outside the stack; the whole internet is one box."""
        given = sorted(set(cidrs))
        everyone = any(ipaddress.ip_network(cidr).prefixlen == 0 for cidr in given)
        name = INTERNET if everyone else ", ".join(given)
        return self.add(Node(id=name, kind="outside", name=name)).id

    def through(self, address: str, server: str) -> None:
        """Let what the internet may ask of a server come in by its static address."""
        for at, flow in enumerate(self.flows):
            if (flow.source, flow.target) == (INTERNET, server):
                self.flows[at] = Flow(source=INTERNET, target=address, ports=flow.ports)
                self.allow_all(address, server, flow.ports)
                return

    def allow_all(self, source: str, target: str, ports: Iterable[str]) -> None:
        """Let ``source`` talk to ``target`` on each of the ports."""
        for port in ports:
            self.allow(source, target, port)

    def by_kind(self, kind: Kind) -> list[Node]:
        """The boxes of one kind, in the order of the plan."""
        return [node for node in self.nodes.values() if node.kind == kind]


def node(
    resource: PlannedResource, kind: Kind, lines: tuple[str, ...], around: Sequence[str] = ()
) -> Node:
    """The box of a resource, inside the first of ``around``."""
    return Node(
        id=resource.urn,
        kind=kind,
        name=resource.name,
        lines=lines,
        inside=around[0] if around else "",
        protected=resource.protect,
    )


class CloudTopology(Protocol):
    """What a cloud's ``known/topology.py`` has."""

    def picture(self, resources: Sequence[PlannedResource]) -> Picture:
        """What stands where in a plan, and what the firewalls let through."""
