"""A host in service: behind its address, with everything running; and the shutdown before it goes.

It comes last, after the address, so it goes first: a shutdown happens, or refuses, before anything
else of the host is taken away. A refusal leaves the host in service, behind its address. A run that
ended after the shutdown leaves no such resource behind; the next one makes it, which starts again
what was stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import (
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from components.errors import StepFailed, UserError
from components.remote import document, engine_log
from components.remote.power import server_state
from components.remote.work import work
from components.resources.provider import Provider, differs, own

CONTACT_S = 60
"""The host was configured a moment ago, or serves."""
DEADLINE_S = 600
"""For the services to start and stop, beside the shutdown's own waits."""
IDENTITY = ("server_id", "attachment_id")
FORCE_STOP = "stages:host.force_stop"
WHERE = (
    *("stack", "cloud", "server_id", "attachment_id", "ssh_host", "ssh_host_key", "login"),
    *("private_key", "force_stop", "delete_before_replace"),
)
"""Inputs that it shares with the host configuration, beside what the host's document says."""


class InServiceProvider(Provider):
    """Puts a host into service and takes it out again."""

    identity = IDENTITY
    _force_stop = False

    def configure(self, req: ConfigureRequest) -> None:
        self._force_stop = force_stop(req)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Another server is another service; the rest is only recorded, for the shutdown."""
        return self.difference(_olds, _news, changes=differs(_olds, _news))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Start what a shutdown has stopped; a host that was just configured serves already."""
        work(props, document.to_serve(props), deadline_s=DEADLINE_S, wait_s=CONTACT_S)
        return CreateResult(props["server_id"], own(props))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The host's own drift is told by its configuration."""
        return ReadResult(id_, props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(own(_news))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        leave(_props, force=self._force_stop)


class InService(Resource, module="stages", name="InService"):
    """A host that serves. Costs nothing."""

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
        super().__init__(InServiceProvider(), name, inputs(wanted, server_id, address), opts)


def inputs(
    wanted: Mapping[str, Any], server_id: pulumi.Input[str], address: pulumi.Input[str]
) -> dict[str, Any]:
    """What it takes to put a host into service and out of it, wherever it is."""
    shared = {key: wanted[key] for key in (*WHERE, *document.IN_SERVICE)}
    return {**shared, "server_id": server_id, "address": address}


def force_stop(req: ConfigureRequest) -> bool:
    """Whether the override is set, which must work without an ``up`` in between.

    A plain ``pulumi destroy`` gives the settings of the last ``up``; with ``--run-program``, and in
    an ``up``, they are today's.
    """
    return str(req.config.get(FORCE_STOP)).lower() == "true"


def leave(props: Mapping[str, Any], *, force: bool) -> None:
    """Shut a host down. One that cannot be asked is left alone, unless it is off or gone.

    A host that was shut down already has nothing to do.
    """
    if server_state(props["cloud"], props["server_id"]) != "running":
        engine_log.info("the server is off or gone: there is nothing to shut down")
        return
    try:
        work(props, document.to_leave(props), deadline_s=deadline_s(props), wait_s=0)
    except UserError as error:
        refuse_or_let_go(error, props, force=force)


def deadline_s(props: Mapping[str, Any]) -> float:
    """The jobs, the queue and each command have the same time; a failure starts all again."""
    last = props["shutdown"]
    return DEADLINE_S + float(last["timeout_s"]) * (2 + len(last["commands"]))


def refuse_or_let_go(error: UserError, props: Mapping[str, Any], *, force: bool) -> None:
    """Raise what kept a host from going, unless it is off or gone by now, or has to go anyway."""
    if server_state(props["cloud"], props["server_id"]) != "running":
        return
    if force or props["force_stop"] == "yes":
        engine_log.warn(f"no shutdown, {FORCE_STOP} is set: {error.problem}")
        return
    raise StepFailed(
        error.problem,
        f"{error.remedy} To let it go as it is, and lose what it is doing: "
        f"`pulumi config set {FORCE_STOP} true` (`pulumi destroy` reads it with "
        "`--run-program`).".strip(),
    ) from error
