"""The jobs of a server that keeps no state, on their way to the one that replaces it.

It stands between the address and the service of the new host: the address leads there already, so
the old server stops its web processes and its worker, which first ends the jobs that are under way,
and what its queue holds by then (waiting, with an ETA, scheduled) is added to the new server's
queue. Like the certificate it goes over SSH, through the memory of the machine that runs the
engine, and is never in the state. It is never replaced itself, for only an update knows both
servers. Killed at any point it is repeated whole (``components/host/agent/queue.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import (
    ConfigureRequest,
    CreateResult,
    DiffResult,
    Resource,
    UpdateResult,
)

from components.errors import UserError
from components.remote import document, engine_log
from components.remote.power import server_state
from components.remote.work import work
from components.resources import in_service
from components.resources.provider import Provider, differs, own


class QueueHandoverProvider(Provider):
    """Moves the queue when the server is another one."""

    _force_stop = False

    def configure(self, req: ConfigureRequest) -> None:
        self._force_stop = in_service.force_stop(req)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=differs(_olds, _news))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """The first server has nobody before it."""
        return CreateResult("queue", own(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        if _news["server_id"] != _olds["server_id"]:
            _move(_olds, _news, force=self._force_stop)
        return UpdateResult(own(_news))


def _move(old: Mapping[str, Any], new: Mapping[str, Any], *, force: bool) -> None:
    if server_state(old["cloud"], old["server_id"]) != "running":
        engine_log.warn(
            f"{old['ssh_host']}: the old server is off or gone, and the jobs in its queue with it"
        )
        return
    seconds = in_service.deadline_s(old)
    try:
        given = work(old, document.to_give_queue(old), deadline_s=seconds, wait_s=0)
    except UserError as error:
        in_service.refuse_or_let_go(error, old, force=force or new["force_stop"] == "yes")
        return
    take, forget = document.to_take_queue(new, given), document.to_forget_queue(old)
    work(new, take, deadline_s=in_service.DEADLINE_S, wait_s=in_service.CONTACT_S)
    work(old, forget, deadline_s=in_service.DEADLINE_S, wait_s=in_service.CONTACT_S)


class QueueHandover(Resource, module="stages", name="QueueHandover"):
    """The server that has the jobs of its predecessor. Costs nothing."""

    server_id: pulumi.Output[str]
    """What comes after takes the server's id from here."""

    def __init__(
        self,
        name: str,
        wanted: Mapping[str, Any],
        server_id: pulumi.Input[str],
        address: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``wanted``: the inputs of the host's configuration; ``server_id``: the one that has it;
        ``address``: of what leads there."""
        props = in_service.inputs(wanted, server_id, address)
        super().__init__(QueueHandoverProvider(), name, props, opts)
