"""The way of the static address to a server, as a resource; it moves in one transaction.

The address itself is no resource: it is the tenth of the network, the same each time the network
is made, so it needs neither a price nor protection.
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from components.clouds.local.hosts import inventory
from components.clouds.local.known.names import ADDRESS
from components.clouds.local.known.types import KNOWN
from components.clouds.local.net import bridge
from components.clouds.local.resources import network
from components.clouds.local.resources.provider import LocalProvider, gone, missing, outs, yes


class AddressProvider(LocalProvider):
    known = KNOWN[ADDRESS]

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Another server is an update, or a replacement where the old server goes first: then
        the address leads nowhere until the new server has passed the readiness check."""
        result = super().diff(_id, _olds, _news)
        if _news["moves"] == "after" and _news["server_id"] != _olds.get("server_id"):
            result.replaces = [*(result.replaces or []), "server_id"]
        return result

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(f"{props['network_id']}/static", self._point(props))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        stack_network = network.find(props["network_id"])
        host = inventory.find(props["server_id"])
        if stack_network is None or host is None:
            return gone()
        leads_here = (
            bridge.exists(stack_network) and bridge.pointed(stack_network) == host.spec().address
        )
        return ReadResult(id_, outs(props, present=yes(leads_here)))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(self._point(_news))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        stack_network = network.find(_props["network_id"])
        if stack_network is not None:
            bridge.note(stack_network, server_id="")
            if bridge.pointed(stack_network) is not None:
                bridge.point(stack_network, None)

    def _point(self, props: dict[str, Any]) -> dict[str, Any]:
        stack_network = network.require(props["network_id"])
        host = inventory.find(props["server_id"])
        if host is None:
            raise missing("Server", props["server_id"])
        bridge.note(stack_network, server_id=props["server_id"])
        bridge.point(stack_network, host.spec().address)
        return outs(props, address=stack_network.static_address, present="yes")


class LocalAddress(Resource, module="local", name="Address"):
    """The static address, at a server."""

    address: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        network_id: pulumi.Input[str],
        server_id: pulumi.Input[str],
        delete_before_replace: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "network_id": network_id,
            "server_id": server_id,
            "moves": "after" if delete_before_replace else "at once",
            "address": None,
            "present": None,
        }
        super().__init__(AddressProvider(), name, props, opts)
