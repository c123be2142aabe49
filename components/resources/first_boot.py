"""How a server's first boot ended, and the way in to look at it.

``WayIn`` is there as soon as the server is known by its host key: ``make ssh`` reads it, whatever
came of the rest. ``FirstBoot`` waits for cloud-init and records a failure, or that nobody could log
in, instead of failing: what comes after it fails, and the next ``make up`` finds the record and
replaces the server, which has served nothing (``scripts/lib/failed_boots.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import (
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from components.errors import StepFailed, UserError
from components.remote import ssh
from components.remote.work import work
from components.resources.provider import Provider, own
from components.seam.cloud import ServerAnswer
from components.visible import one_line

FIRST_CONTACT_S = 300
"""Until a new server lets us in: 3 s on local, one to two minutes on a cloud."""
DEADLINE_S = 900
"""cloud-init installs packages; the host itself stops waiting after ten minutes."""
IDENTITY = ("server_id", "attachment_id")
NO_CONTACT = "nobody could log in"


class WayInProvider(Provider):
    """Keeps what it is given. Asks nobody."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=own(_news) != own(_olds))

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult("way-in", own(props))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(own(_news))


class WayIn(Resource, module="stages", name="WayIn"):
    """Where the app server answers, and how it is known."""

    def __init__(
        self,
        name: str,
        where: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(WayInProvider(), name, dict(where), opts)


class FirstBootProvider(Provider):
    """Waits for cloud-init, once in a server's life."""

    identity = IDENTITY

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Another server, or the same one with its volume attached, is another first boot."""
        return self.difference(_olds, _news)

    def create(self, props: dict[str, Any]) -> CreateResult:
        failed = no_contact(props["unreached"]) if props.get("unreached") else _failed(props)
        return CreateResult(props["server_id"], {**own(props), "failed": failed})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """What happened once does not change."""
        return ReadResult(id_, props)


class FirstBoot(Resource, module="stages", name="FirstBoot"):
    """The end of a server's first boot. Costs nothing."""

    failed: pulumi.Output[str]
    """Why it failed; empty: it did not."""

    def __init__(
        self,
        name: str,
        where: Mapping[str, Any],
        server: ServerAnswer,
        unreached: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``unreached``: why there was no first contact; it is not tried again then."""
        props = {
            **where,
            "unreached": unreached,
            "attachment_id": server.attachment_id or "",
            "delete_before_replace": "yes" if server.delete_before_replace else "",
            "failed": None,
        }
        super().__init__(FirstBootProvider(), name, props, opts)


def where(
    cloud: str, server: ServerAnswer, login: str, private_key: pulumi.Input[str] | None
) -> dict[str, Any]:
    """What it takes to log in to a server, and whose it is."""
    return {
        "stack": pulumi.get_stack(),
        "cloud": cloud,
        "server_id": server.id,
        "ssh_host": server.ssh_host,
        "ssh_host_key": server.ssh_host_key,
        "login": login,
        "private_key": pulumi.Output.secret(private_key) if private_key else "",
    }


def _failed(props: Mapping[str, Any]) -> str:
    """Why a server's first boot failed, or nobody can log in to it; empty: neither."""
    try:
        answer = work(props, {"mode": "boot"}, deadline_s=DEADLINE_S, wait_s=FIRST_CONTACT_S)
    except UserError as error:
        cause = error.__cause__
        if not isinstance(cause, ssh.SshError) or isinstance(cause, ssh.Interrupted):
            raise
        return no_contact(error.problem)
    return one_line(str(answer["failed"]))


def no_contact(problem: str) -> str:
    """The record of a server that nobody could log in to."""
    return f"{NO_CONTACT}: {problem}"


def refuse(host: str, failed: str, stack: str) -> None:
    """Raise ``UserError`` for a server whose first boot failed, or that never answered."""
    if failed.startswith(NO_CONTACT):
        raise StepFailed(
            f"{host}: {failed}",
            "Is the private half of a key in stages:access.ssh_keys in your agent or ~/.ssh, and"
            f" this machine in stages:access.ssh_cidrs? `make up STACK={stack}` then replaces this"
            " server, which has served nothing yet.",
        )
    if failed:
        raise StepFailed(
            f"{host}: the first boot failed: {failed}",
            f"Correct what it names; `make up STACK={stack}` then replaces this server, which has"
            f" served nothing yet. `make ssh STACK={stack}` leads to it:"
            " /var/log/cloud-init-output.log.",
        )
