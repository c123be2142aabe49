"""What a server that keeps no state hands to the one that replaces it: account and certificate, and
how far its queue has numbered jobs (``components/host/agent/queue.py``).

It stands between the server and the host configuration, which takes the server's id from here: so
the copy is made before the new server is configured, and long before the address moves to it. It is
never replaced itself, for only an update knows both servers. Copied is what the old server has at
that moment, over SSH, through the memory of the machine that runs the engine: nothing of it is in
the state. An old server that is off, gone or silent hands nothing on, which is told: a certificate
can be had again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from components.errors import UserError
from components.host import valkey
from components.remote import engine_log
from components.remote.power import server_state
from components.remote.work import work
from components.resources import first_boot
from components.resources.provider import Provider, differs, own
from components.seam.cloud import ServerAnswer

FIRST_CONTACT_S = 300
"""Until a new server lets us in: see ``host_configuration.py``."""
CONTACT_S = 20
DEADLINE_S = 120


class HandoverProvider(Provider):
    """Copies a folder when the server is another one."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=differs(_olds, _news))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """The first server has nobody before it."""
        return CreateResult("handover", own(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        if _news["server_id"] != _olds["server_id"]:
            first_boot.refuse(_news["ssh_host"], _news["boot_failed"] or "", _news["stack"])
            if _news["folder"]:
                _copy(_olds, _news)
            _count_on(_olds, _news)
        return UpdateResult(own(_news))


def _copy(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    give = {"mode": "give", "folder": new["folder"]}
    try:
        if server_state(old["cloud"], old["server_id"]) != "running":
            raise UserError("the old server does not run")
        packed = work(old, give, deadline_s=DEADLINE_S, wait_s=CONTACT_S)["packed"]
    except UserError as error:
        engine_log.warn(
            f"{old['ssh_host']}: its certificate is not copied ({error.problem}): the new server"
            " asks for another one within an hour, and is self-signed until then"
        )
        return
    if packed:
        take = {"mode": "take", "folder": new["folder"], "packed": packed}
        work(new, take, deadline_s=DEADLINE_S, wait_s=FIRST_CONTACT_S)


def _count_on(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """An old server that does not tell is asked for its jobs later, and refuses or warns then."""
    queue = {"shutdown": {"queue": dict(valkey.WHERE)}}
    try:
        if server_state(old["cloud"], old["server_id"]) != "running":
            return
        asked = {"mode": "give counters", **queue}
        known = work(old, asked, deadline_s=DEADLINE_S, wait_s=CONTACT_S)["counters"]
    except UserError:
        return
    if known:
        take = {"mode": "take counters", **queue, "counters": known}
        work(new, take, deadline_s=DEADLINE_S, wait_s=FIRST_CONTACT_S)


class Handover(Resource, module="stages", name="Handover"):
    """The server that has what its predecessor had. Costs nothing."""

    server_id: pulumi.Output[str]
    """What comes after takes the server's id from here."""

    def __init__(
        self,
        name: str,
        *,
        cloud: str,
        server: ServerAnswer,
        login: str,
        private_key: pulumi.Input[str] | None,
        boot_failed: pulumi.Input[str],
        folder: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``folder`` on the server is handed on; empty: nothing is."""
        props: dict[str, Any] = {
            "stack": pulumi.get_stack(),
            "cloud": cloud,
            "server_id": server.id,
            "ssh_host": server.ssh_host,
            "ssh_host_key": server.ssh_host_key,
            "login": login,
            "private_key": pulumi.Output.secret(private_key or ""),
            "boot_failed": boot_failed,
            "folder": folder,
        }
        super().__init__(HandoverProvider(), name, props, opts)
