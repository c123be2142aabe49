"""A server, as a resource: a host in its own container, made from the boot document."""

from __future__ import annotations

import time
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components.clouds.local.hosts import inventory, machine, names
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.known.names import SERVER
from components.clouds.local.known.types import KNOWN
from components.clouds.local.resources import network
from components.clouds.local.resources.provider import LocalProvider, gone, missing, outs, yes

ADDRESSES = range(16, 32)
"""Last numbers of the servers' addresses: one /28, the group that may reach the database."""


class ServerProvider(LocalProvider):
    """The boot document and the image matter at birth only; a new plan is a restart."""

    known = KNOWN[SERVER]

    def create(self, props: dict[str, Any]) -> CreateResult:
        host = inventory.lay_down(
            network.require(props["network_id"]),
            props["stack"],
            props["name"],
            numbers=ADDRESSES,
            memory_mib=int(props["memory_mib"]),
            user_data=props["user_data"],
        )
        try:
            names.tell(props["stack"], host)
            began = time.monotonic()
            host.start()
            key = host.wait_for_ssh()
            machine.measured(time.monotonic() - began)
            names.tell(props["stack"], host)  # cloud-init may have put back what it read before
        except BaseException:
            inventory.give_up(host)
            raise
        host.note(complete=True)
        return CreateResult(inventory.id_of(host), self._outs(props, host, host_key=key))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """A host that is off is there; only one without files is gone. Its key stays pinned."""
        host = inventory.find(id_)
        if host is None:
            return gone()
        return ReadResult(id_, self._outs(props, host, host_key=props["host_key"]))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Start a server that is off; restart one with another plan."""
        host = inventory.find(_id)
        if host is None:
            raise missing("Server", _id)
        memory_mib = int(_news["memory_mib"])
        if host.spec().memory_mib != memory_mib:
            host.stop()
            host.resize(memory_mib)
        host.start()
        host.wait_for_ssh()
        return UpdateResult(self._outs(_news, host, host_key=_olds["host_key"]))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        host = inventory.find(_id)
        if host is not None:
            inventory.remove(host)

    def _outs(self, props: dict[str, Any], host: Host, *, host_key: str) -> dict[str, Any]:
        return outs(
            props,
            private_address=host.spec().address,
            host_key=host_key,
            present=yes(host.state() == "running"),
        )


class LocalServer(Resource, module="local", name="Server"):
    """A host that answers on SSH."""

    private_address: pulumi.Output[str]
    host_key: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        stack: str,
        server: str,
        network_id: pulumi.Input[str],
        plan: str,
        memory_mib: int,
        generation: str,
        user_data: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "stack": stack,
            "name": server,
            "network_id": network_id,
            "plan": plan,
            "memory_mib": str(memory_mib),
            "generation": generation,
            "user_data": user_data,
            **dict.fromkeys(("private_address", "host_key", "present")),
        }
        super().__init__(ServerProvider(), name, props, opts)
