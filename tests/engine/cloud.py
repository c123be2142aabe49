"""A stand-in for the clouds: what was made, what uses what, and in which order it all happened.

It proves order and state: that nothing is used before it is there or deleted while it is used,
that nothing is made twice, that a host is shut down before its server or its volume goes. It does
not prove that the cloud agrees: no value is checked beyond its kind, there are no quotas and no
waiting, and what a vendor fills in by itself is made up.

Stricter than the vendors in two points: they would take a volume away from a running server, and
boot one that gets no packages because its routes and rules come later.
"""

from __future__ import annotations

import copy
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.engine import made_up

INSTANCE = "aws:ec2/instance:Instance"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
DROPLET = "digitalocean:index/droplet:Droplet"
RESERVED_IP_ASSIGNMENT = "digitalocean:index/reservedIpAssignment:ReservedIpAssignment"
SERVERS = {INSTANCE: "publicIp", DROPLET: "ipv4Address"}
"""The types that are servers, each with the output that holds its first address."""
ATTACHMENTS = {
    "aws:ec2/volumeAttachment:VolumeAttachment": "instanceId",
    "digitalocean:index/volumeAttachment:VolumeAttachment": "dropletId",
}
ASSIGNMENTS = {
    "aws:ec2/eipAssociation:EipAssociation": ("allocationId", "instanceId"),
    RESERVED_IP_ASSIGNMENT: ("ipAddress", "dropletId"),
}

PARTS = {
    "digitalocean:index/databaseFirewall:DatabaseFirewall": "clusterId",
    RESERVED_IP_ASSIGNMENT: "dropletId",
    "digitalocean:index/volumeAttachment:VolumeAttachment": "dropletId",
}
"""Types of what goes with something else, each with the input that says with which."""


class Refused(Exception):
    """The cloud says no. ``str()`` is why."""


@dataclass
class Thing:
    """One thing in the account."""

    type: str
    name: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    own: set[str]
    """Its id and whatever else names it: using one of these is using it."""

    def uses(self) -> set[str]:
        return set(texts(self.inputs))


@dataclass
class Account:
    """Everything that a cloud remembers. Copied as a whole to come back to it."""

    things: dict[str, Thing] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Names of things that no longer exist."""
    at_work: set[str] = field(default_factory=set)
    """Servers whose host was configured and has not been shut down."""
    number: int = 0


@dataclass
class Cloud:
    """Makes, changes and deletes things; writes everything down in order."""

    account: Account = field(default_factory=Account)
    log: list[tuple[str, str]] = field(default_factory=list)
    """What was done to what, by the resource's name, in order, of this run."""
    failing: set[str] = field(default_factory=set)
    """Resources whose next creation fails."""
    held: dict[str, threading.Event] = field(default_factory=dict)
    """Resources whose creation waits."""
    on_hold: Callable[[], None] = lambda: None
    """What happens when one begins to wait."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def snapshot(self) -> Account:
        return copy.deepcopy(self.account)

    def begin(self, account: Account | None = None) -> None:
        """Go on from a remembered account, or from an empty one, with an empty log."""
        self.account = copy.deepcopy(account or Account())
        self.log, self.failing, self.held = [], set(), {}
        self.boot_fails = ""
        """Why the next first boot of a server fails; empty: it does not."""
        self.silent = False
        """Whether the next new server does not answer at the first contact."""

    def made(self) -> Counter[str]:
        """How often each resource was created."""
        return Counter(name for what, name in self.log if what == "create")

    def by_name(self, name: str) -> list[Thing]:
        return [thing for thing in self.account.things.values() if thing.name == name]

    def starting(self, name: str) -> None:
        """Fail or wait, where a test wants it, before anything is made."""
        with self.lock:
            if name in self.failing:
                self.failing.discard(name)
                self.log.append(("fail", name))
                raise Refused(f"no {name} today")
            event = self.held.get(name)
            if event is not None:
                self.log.append(("hold", name))
        if event is not None:
            self.on_hold()
            if not event.wait(60):
                raise Refused(f"{name} was held and nobody let it go")

    def create(self, type_: str, name: str, inputs: dict[str, Any]) -> Thing:
        self.starting(name)
        with self.lock:
            self._all_there(name, inputs)
            self._take_over(type_, name, inputs)
            self.account.number += 1
            number = self.account.number
            id_ = made_up.id_of(type_, number)
            known = made_up.outputs(type_, name.split()[-1], id_, number, inputs)
            if type_ == "aws:ec2/eipAssociation:EipAssociation":
                known["publicIp"] = self.account.things[inputs["allocationId"]].outputs["publicIp"]
            own = {id_, *(set(texts(known)) - set(texts(inputs)) - _COMMON)}
            if type_ in ASSIGNMENTS:
                own = {id_}  # the address is another thing's
            thing = Thing(type_, name, id_, inputs, known, own)
            self.account.things[id_] = thing
            if type_ in SERVERS and not self.is_reached(thing):
                self._forget(thing)
                raise Refused(f"{name}: boots at once, and there is no way out of it yet")
            self.log.append(("create", name))
            return thing

    def update(self, id_: str, inputs: dict[str, Any]) -> Thing:
        with self.lock:
            thing = self._there(id_)
            self._all_there(thing.name, inputs)
            if thing.type == GATEWAY and inputs["vpcId"] != thing.inputs["vpcId"]:
                self._gateway_may_leave(thing)
            dropped = set(thing.inputs) - set(inputs)
            kept = {key: value for key, value in thing.outputs.items() if key not in dropped}
            thing.inputs, thing.outputs = inputs, {**kept, **inputs}
            self.log.append(("update", thing.name))
            return thing

    def delete(self, id_: str, type_: str, inputs: Mapping[str, Any]) -> None:
        with self.lock:
            thing = self.account.things.get(id_)
            if thing is None:
                self._check_second_delete(type_, inputs)
                return
            self._may_go(thing)
            self._forget(thing)
            for other in self._parts_of(thing):
                self._forget(other)
            self.log.append(("delete", thing.name))

    def _check_second_delete(self, type_: str, inputs: Mapping[str, Any]) -> None:
        """Both providers take "not found" for done, but for one resource: DigitalOcean's panics
        on an assignment whose address leads nowhere (resource_reserved_ip_assignment.go:105)."""
        assigned = {
            thing.inputs["ipAddress"]
            for thing in self.account.things.values()
            if thing.type == RESERVED_IP_ASSIGNMENT
        }
        if type_ == RESERVED_IP_ASSIGNMENT and inputs["ipAddress"] not in assigned:
            raise Refused("panic: runtime error: invalid memory address or nil pointer dereference")

    def look_up(self, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        with self.lock:
            self._all_there(token, arguments)
            try:
                return made_up.look_up(token)
            except KeyError:
                raise Refused(f"{token}: the stand-in knows no such function") from None

    def address_of(self, server: Thing) -> str:
        """Where a server answers now."""
        for thing in self.account.things.values():
            if thing.type in ASSIGNMENTS and server.id in thing.uses():
                return str(thing.outputs.get("publicIp") or thing.outputs["ipAddress"])
        return str(server.outputs[SERVERS[server.type]])

    def server_of(self, text: str) -> Thing | None:
        """The server with this id, ARN or address."""
        for thing in self.account.things.values():
            if thing.type in SERVERS and (text in thing.own or text == self.address_of(thing)):
                return thing
        return None

    def is_reached(self, server: Thing) -> bool:
        """Whether SSH gets to a server, and the server out into the world."""
        things = self.account.things.values()
        if server.type == DROPLET:
            tags = server.inputs["tags"]
            walls = [thing for thing in things if thing.type.endswith(":Firewall")]
            return any(
                set(tags) & set(wall.inputs["tags"]) and wall.inputs["outboundRules"]
                for wall in walls
            )
        groups = server.inputs["vpcSecurityGroupIds"]
        rules = [thing for thing in things if thing.inputs.get("securityGroupId") in groups]
        tables = [
            thing.inputs["routeTableId"]
            for thing in things
            if thing.type.endswith(":RouteTableAssociation")
            and thing.inputs["subnetId"] == server.inputs["subnetId"]
        ]
        return (
            any(rule.inputs.get("fromPort") == 22 for rule in rules)
            and any(rule.type.endswith(":SecurityGroupEgressRule") for rule in rules)
            and any(
                thing.type.endswith("/route:Route") and thing.inputs["routeTableId"] in tables
                for thing in things
            )
            and any(self._is_behind(server, thing) for thing in things if thing.type == GATEWAY)
        )

    def _is_behind(self, server: Thing, gateway: Thing) -> bool:
        """Whether a server's network has this gateway."""
        subnet = self.account.things[server.inputs["subnetId"]]
        return bool(subnet.inputs["vpcId"] == gateway.inputs["vpcId"])

    def _gateway_may_leave(self, gateway: Thing) -> None:
        for thing in self.account.things.values():
            if thing.type == INSTANCE and self._is_behind(thing, gateway):
                raise Refused(f"{gateway.name}: {thing.name} behind it has a public address")

    def _there(self, id_: str) -> Thing:
        if id_ not in self.account.things:
            raise Refused(f"{id_}: does not exist")
        return self.account.things[id_]

    def _all_there(self, name: str, inputs: Mapping[str, Any]) -> None:
        missing = sorted(set(texts(inputs)) & self.account.gone)
        if missing:
            raise Refused(f"{name}: names what does not exist any more: {', '.join(missing)}")

    def _take_over(self, type_: str, name: str, inputs: Mapping[str, Any]) -> None:
        """What a new attachment or assignment means for an older one."""
        if type_ in ATTACHMENTS:
            for thing in self.account.things.values():
                if thing.type == type_ and thing.inputs["volumeId"] == inputs["volumeId"]:
                    raise Refused(f"{name}: the volume is attached already")
        if type_ in ASSIGNMENTS:
            address = ASSIGNMENTS[type_][0]
            for thing in list(self.account.things.values()):
                if thing.type == type_ and thing.inputs[address] == inputs[address]:
                    if type_.startswith("aws:") and not inputs.get("allowReassociation"):
                        raise Refused(f"{name}: the address is associated already")
                    self._forget(thing)

    def _parts_of(self, thing: Thing) -> list[Thing]:
        return [
            other
            for other in self.account.things.values()
            if other.type in PARTS and text_of(other.inputs[PARTS[other.type]]) in thing.own
        ]

    def _may_go(self, thing: Thing) -> None:
        parts = self._parts_of(thing)
        users = [
            other.name
            for other in self.account.things.values()
            if other is not thing and other not in parts and other.uses() & thing.own
        ]
        if users:
            raise Refused(f"{thing.name}: is in use by {', '.join(sorted(users))}")
        if thing.type == GATEWAY:
            self._gateway_may_leave(thing)
        if thing.inputs.get("deletionProtection"):
            raise Refused(f"{thing.name}: is protected from deletion")
        server = (
            thing.id
            if thing.type in SERVERS
            else text_of(thing.inputs.get(ATTACHMENTS.get(thing.type, "")))
        )
        if server in self.account.at_work:
            raise Refused(f"{thing.name}: the host is at work and has not been shut down")

    def _forget(self, thing: Thing) -> None:
        del self.account.things[thing.id]
        self.account.gone |= thing.own


_COMMON = {"doadmin", "stages_admin", "5432", "25060"}
"""Outputs that name no thing."""


def texts(value: Any) -> Iterator[str]:
    """Every text and number in a value, as text."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield text_of(value)


def text_of(value: Any) -> str:
    """As an id is written: numbers come over the wire as floats."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
