"""The network of a stack, as a resource. Free; never touches anything but its own interfaces."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components.clouds.local.hosts import at_boot, inventory, machine, ownership
from components.clouds.local.known.names import NETWORK
from components.clouds.local.known.types import KNOWN
from components.clouds.local.net import bridge
from components.clouds.local.resources.provider import LocalProvider, gone, missing, outs, yes
from components.remote import engine_log


class NetworkProvider(LocalProvider):
    known = KNOWN[NETWORK]

    def create(self, props: dict[str, Any]) -> CreateResult:
        network = bridge.of(props["stack"], props["cidr"])
        ownership.claim(props["stack"])
        with machine.lock():  # of two stacks that want one range at once, the second sees the note
            bridge.check_free(network)
            bridge.note(network)
        bridge.up(network)
        if problem := at_boot.enable(props["stack"]):
            engine_log.warn(problem)
        return CreateResult(network_id(network, props["stack"]), outs(props, present="yes"))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        if find(id_) is None:
            return gone()
        up = bridge.is_up(bridge.of(props["stack"], props["cidr"]))
        return ReadResult(id_, outs(props, present=yes(up)))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        bridge.up(bridge.of(_news["stack"], _news["cidr"]))
        return UpdateResult(outs(_news, present="yes"))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove the network, and hosts that a run which was killed has left in it."""
        stack = _props["stack"]
        at_boot.disable(stack)
        inventory.wipe(stack)
        bridge.down(bridge.of(stack, _props["cidr"]))
        for file in ("network.json", "names.json"):
            (machine.stack_folder(stack) / file).unlink(missing_ok=True)
        ownership.release(stack)


def network_id(network: bridge.Network, stack: str) -> str:
    return f"{stack}/{network.cidr}"


def find(id_: str) -> bridge.Network | None:
    """The network with this id; ``None`` when the stack has none, or another range."""
    stack, cidr = id_.split("/", 1)
    noted = bridge.noted(stack)
    return noted if noted and noted.cidr == cidr else None


def require(id_: str) -> bridge.Network:
    """The network with this id. Raises ``UserError`` when it is gone."""
    network = find(id_)
    if network is None:
        raise missing("Network", id_)
    return network


class LocalNetwork(Resource, module="local", name="Network"):
    """A bridge, its firewall and the stack's static address."""

    def __init__(
        self, name: str, *, stack: str, cidr: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props = {"stack": stack, "cidr": cidr, "present": None}
        super().__init__(NetworkProvider(), name, props, opts)
