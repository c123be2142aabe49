"""Makes a host what a stage says it should be: files, secrets, release, readiness.

A dynamic resource over SSH, the same on every cloud. It converges against the host as it is,
never against what an earlier run believed; every operation may be killed and repeated.

It takes the identities of the server and of the volume's attachment as inputs and is replaced
with them: that edge, and the address's edge from ``server_id`` here, decide the order in which
servers are replaced and destroyed. ``depends_on`` would not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

from components.errors import UserError
from components.host.model import (
    AppService,
    DatabaseStep,
    HostFile,
    Part,
    ReadinessCheck,
    Release,
    Shutdown,
)
from components.remote import document as host_document
from components.remote.power import server_state
from components.remote.session import git_archive
from components.remote.work import work
from components.resources import first_boot, in_service
from components.resources.provider import Provider
from components.seam.cloud import ServerAnswer

FIRST_CONTACT_S = 300
"""Until a new server lets us in: 3 s on local, one to two minutes on a cloud."""
CONTACT_S = 20
"""For a server that was in use already: a restarted sshd, a lost packet."""
OBSERVE_DEADLINE_S = 60
FIXED_DEADLINE_S = 7200
"""Everything on a host but build and readiness check: each of its steps has a limit of its own."""
IDENTITY = ("server_id", "attachment_id")
RECORDED = (
    "stack",
    "boot_failed",
    "private_key",
    "login",
    "cloud",
    "shutdown",
    "force_stop",
    "delete_before_replace",
)
"""Inputs that change nothing on the host: they are needed by a later read or shutdown."""


@dataclass(frozen=True, kw_only=True)
class HostConfigurationArgs:
    """What a host should be, where it is, and how to leave it."""

    cloud: str
    """Name of the cloud, which is asked whether a server that does not answer still runs."""
    server: ServerAnswer
    size: str
    """The server's plan: another one has restarted it, so it is given the time of a boot."""
    login: str
    private_key: pulumi.Output[str] | None
    """Secret. ``None``: the operator's own agent and configuration."""
    parts: tuple[Part, ...]
    late_files: pulumi.Input[Sequence[HostFile | Mapping[str, str]]] | None = None
    """Files that are known only once something exists (or mappings with the same names). A preview
    shows them. Apart from ``parts``: one unknown makes a whole list unknown."""
    secret_files: pulumi.Input[Sequence[HostFile | Mapping[str, str]]] | None = None
    """Files with a secret in them, and only those: no preview shows them."""
    database: DatabaseStep | None = None
    database_secrets: pulumi.Input[dict[str, Any]] | None = None
    """``sql``: idempotent SQL; ``connection``: libpq's variables (``PGHOST``, ``PGPASSWORD``, ...)
    for a managed database's admin, which never rest on the host."""
    boot_failed: pulumi.Input[str] = ""
    """Why the server's first boot failed: it is not configured then. Empty: it did not."""
    release: Release
    app: AppService
    readiness: ReadinessCheck
    shutdown: Shutdown
    force_stop: bool = False
    """Let a host go that runs but does not answer, or whose shutdown fails: jobs may be lost."""


class HostConfigurationProvider(Provider):
    """How the engine's operations become sessions on the host."""

    identity = IDENTITY
    _force_stop = False

    def configure(self, req: ConfigureRequest) -> None:
        self._force_stop = in_service.force_stop(req)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Replace with the server or its attachment; update for a new wish or a drifted host."""
        return self.difference(
            _olds, _news, changes=bool(changed(_olds, _news) or _olds.get("drift"))
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Converge the host until it is ready. A half-made host is finished."""
        first_boot.refuse(props["ssh_host"], props["boot_failed"], props["stack"])
        _apply(props, FIRST_CONTACT_S)
        return CreateResult(id_=props["server_id"], outs=outputs(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Converge the host; a change of what is only recorded here does not contact it."""
        drift = _olds.get("drift") or {}
        differs = set(changed(_olds, _news)) - set(RECORDED)
        if drift or differs:
            booted = "host" in drift or "size" in differs
            _apply(_news, FIRST_CONTACT_S if booted else CONTACT_S)
        return UpdateResult(outs=outputs(_news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Look at the host. Only a server that its cloud does not know any more is gone."""
        state = server_state(props["cloud"], props["server_id"])
        if state == "gone":
            return ReadResult(id_="", outs={})
        drift = _drift(props) if state == "running" else {"host": "is off"}
        inputs = {key: value for key, value in props.items() if key not in (*OUTPUTS, "__provider")}
        return ReadResult(
            id_=id_,
            outs={**outputs(props), "drift": drift},
            inputs=host_document.as_found(inputs, drift),
        )

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Shut the host down where that has not been done: see ``in_service.py``."""
        in_service.leave(_props, force=self._force_stop)


OUTPUTS = ("revision", "drift")


class HostConfiguration(Resource, module="stages", name="HostConfiguration"):
    """A configured and healthy host. Costs nothing; takes seconds; never touches the data."""

    server_id: pulumi.Output[str]
    """The server that passed the readiness check: what moves to it takes the id from here."""
    revision: pulumi.Output[str]
    """Full commit id of the release that passed the readiness check."""
    drift: pulumi.Output[dict[str, str]]
    """What a refresh found changed on the host, by path or unit; empty after an ``up``."""
    wanted: Mapping[str, Any]
    """Its inputs."""

    def __init__(
        self,
        name: str,
        args: HostConfigurationArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        server = args.server
        props: dict[str, Any] = {
            **host_document.plain(
                args.parts, args.database, args.release, args.app, args.readiness, args.shutdown
            ),
            "stack": pulumi.get_stack(),
            "cloud": args.cloud,
            "boot_failed": args.boot_failed,
            "server_id": server.id,
            "size": args.size,
            "attachment_id": server.attachment_id or "",
            "ssh_host": server.ssh_host,
            "ssh_host_key": server.ssh_host_key,
            "delete_before_replace": "yes" if server.delete_before_replace else "",
            "login": args.login,
            "private_key": _secret(args.private_key or ""),
            "late_files": pulumi.Output.from_input(args.late_files or []).apply(_by_path),
            "secret_files": _secret(
                pulumi.Output.from_input(args.secret_files or []).apply(_by_path)
            ),
            "database_secrets": _secret(args.database_secrets or {}),
            "force_stop": "yes" if args.force_stop else "",
            **dict.fromkeys(OUTPUTS),
        }
        self.wanted = props
        super().__init__(HostConfigurationProvider(), name, props, opts)


def changed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """The inputs that are not what they were.

    The repository's path is none: it differs between machines, the commit does not.
    """
    skipped = {*OUTPUTS, "__provider"}
    return [
        key
        for key, value in news.items()
        if key not in skipped and _comparable(key, value) != _comparable(key, olds.get(key))
    ]


def _comparable(key: str, value: Any) -> Any:
    if key == "release" and isinstance(value, dict):
        return {name: text for name, text in value.items() if name != "repository"}
    return value


def outputs(props: Mapping[str, Any]) -> dict[str, Any]:
    """The resource's state after a run that went well: its inputs, and what came of them."""
    inputs = {key: value for key, value in props.items() if key != "__provider"}
    return {**inputs, "revision": props["release"]["commit"], "drift": {}}


def _drift(props: Mapping[str, Any]) -> dict[str, str]:
    """What differs on a host that runs; one that cannot be asked differs as a whole."""
    try:
        document = host_document.to_observe(props)
        seen = work(props, document, deadline_s=OBSERVE_DEADLINE_S, wait_s=0)
        return host_document.drift(props, seen)
    except UserError as error:
        return {"host": f"cannot be asked: {error.problem}"}


def _apply(props: Mapping[str, Any], wait_s: float) -> None:
    release, readiness = props["release"], props["readiness"]
    own_s = float(release["build_timeout_s"]) + 2 * float(readiness["timeout_s"]) * (
        2 + len(props["app"]["web_units"])
    )
    work(
        props,
        host_document.to_apply(props),
        deadline_s=FIXED_DEADLINE_S + own_s,
        wait_s=wait_s,
        archive=git_archive(release["repository"], release["commit"], release["directory"]),
    )


def _by_path(files: Sequence[HostFile | Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return host_document.files(
        file if isinstance(file, HostFile) else HostFile(**file) for file in files
    )


def _secret(value: pulumi.Input[Any]) -> pulumi.Output[Any]:
    return pulumi.Output.secret(value)
