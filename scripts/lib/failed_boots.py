"""Servers whose first boot failed, and the way into a server, as the state has them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from components import outputs
from scripts.lib.engine import Resource

FIRST_BOOT, HOST, WAY_IN = "stages:FirstBoot", "stages:HostConfiguration", "stages:WayIn"
NAMES = {
    outputs.CLOUD: "cloud",
    outputs.SERVER_ID: "server_id",
    outputs.SSH_HOST: "ssh_host",
    outputs.SSH_USER: "login",
    outputs.SSH_HOST_KEY: "ssh_host_key",
    outputs.SSH_PRIVATE_KEY: "private_key",
}


def failed(resources: Iterable[Resource]) -> dict[str, str]:
    """Why the first boot failed, by the server's id.

    Never a server that was configured later: it may have served, and hold data.
    """
    known = list(resources)
    served = configured(resource for resource in known if not resource.state.get("delete"))
    boots = {
        _value(resource, "server_id"): _value(resource, "failed")
        for resource in _of(known, FIRST_BOOT)
    }
    return {id_: why for id_, why in boots.items() if why and id_ not in served}


def configured(resources: Iterable[Resource]) -> set[str]:
    """The ids of servers that have a host configuration, those that are to go included.

    Of a resource that the engine has deleted to replace it, it keeps a note.
    """
    current = [resource for resource in resources if not resource.state.get("pendingReplacement")]
    return {
        _value(resource, "server_id")
        for resource in current
        if resource.state["type"].endswith(HOST)
    }


def way_in(resources: Iterable[Resource]) -> dict[str, str]:
    """How to log in to the app server, by the names of the stack's outputs; empty: no server yet.

    The private key is empty where the resources were read without their secrets.
    """
    for resource in _of(resources, WAY_IN):
        return {name: _value(resource, key) for name, key in NAMES.items()}
    return {}


def _of(resources: Iterable[Resource], kind: str) -> list[Resource]:
    matching = [resource for resource in resources if str(resource.state["type"]).endswith(kind)]
    return [resource for resource in matching if not resource.state.get("delete")]


def _value(resource: Resource, key: str) -> str:
    value: Any = (resource.state.get("outputs") or {}).get(key)
    if isinstance(value, Mapping):  # a secret
        return str(json.loads(value["plaintext"])) if "plaintext" in value else ""
    return str(value or "")
