"""A volume and its attachment to a server, as resources.

A volume is a sparse file: it takes what is written to it, and outlives its server and the stack
that ``down`` takes away. ``create`` adopts the file that is there and never writes into it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from components.clouds.local.database import cluster
from components.clouds.local.hosts import disk, inventory, machine, ownership
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.known.names import ATTACHMENT, VOLUME
from components.clouds.local.known.types import KNOWN
from components.clouds.local.resources.provider import LocalProvider, gone, missing, outs, yes
from components.errors import StepFailed


def file_of(volume_id: str) -> Path:
    """The file of the volume ``<stack>/<name>``."""
    stack, name = volume_id.split("/", 1)
    return machine.stack_folder(stack) / "volumes" / f"{name}.img"


def node_of(name: str) -> str:
    """Where a host sees the volume: a stable name, as clouds give."""
    return f"/dev/disk/by-id/scsi-0STAGES_Volume_{name}"


def attach(host: Host, device: str, file: Path) -> None:
    """Show a volume's file on a host; a volume belongs to one host at a time."""
    for other in inventory.every(host.folder.parent.parent.name):
        if other.folder != host.folder and other.holds(file):
            raise StepFailed(
                f"Volume {file.stem} is attached to {inventory.id_of(other)}",
                "It belongs to one server at a time",
            )
    host.attach(device, file)


class VolumeProvider(LocalProvider):
    known = KNOWN[VOLUME]

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse to shrink."""
        old, new = _olds.get("size_gib"), news.get("size_gib")
        failures = []
        if old and new and str(old).isdigit() and str(new).isdigit() and int(new) < int(old):
            reason = f"should be at least {old} GiB, which it has, got {new}. Volumes only grow"
            failures.append(CheckFailure("size_gib", f"size of volume {news['name']}: {reason}"))
        return CheckResult(news, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Grow in place; a volume that was larger when it was adopted stays as large."""
        grown = int(_news["size_gib"]) > int(_olds["size_gib"])
        return super().diff(
            _id, _olds, _news if grown else {**_news, "size_gib": _olds["size_gib"]}
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        ownership.claim(props["stack"])
        volume_id = f"{props['stack']}/{props['name']}"
        return CreateResult(volume_id, self._sized(volume_id, props))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        file = file_of(id_)
        if not file.exists():
            return gone()
        return ReadResult(id_, outs(props, size_gib=str(disk.size_gib(file))))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(self._sized(_id, _news))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete the data. The engine does not come here for a protected volume."""
        file = file_of(_id)
        stack = _props["stack"]
        for known in cluster.every(stack):
            if known.primary == _props["name"] != known.name and file.exists():
                raise StepFailed(
                    f"Volume {_props['name']}: holds the data of {known.name} since a failover",
                    f"`make refresh STACK={stack}`, then `make up STACK={stack}`, gives it back.",
                )
        cluster.forget(stack, _props["name"])
        if file.exists():
            disk.release(file)
            file.unlink()
        ownership.release(stack)

    def _sized(self, volume_id: str, props: dict[str, Any]) -> dict[str, Any]:
        file = file_of(volume_id)
        disk.make(file, int(props["size_gib"]))
        return outs(props, size_gib=str(disk.size_gib(file)))


class LocalVolume(Resource, module="local", name="Volume"):
    """A disk of the stated size."""

    size_gib: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        stack: str,
        volume: str,
        size_gib: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {"stack": stack, "name": volume, "size_gib": str(size_gib)}
        super().__init__(VolumeProvider(), name, props, opts)


class AttachmentProvider(LocalProvider):
    known = KNOWN[ATTACHMENT]

    def create(self, props: dict[str, Any]) -> CreateResult:
        self._attach(props)
        return CreateResult(
            f"{props['volume_id']}@{props['server_id']}", outs(props, present="yes")
        )

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        host = inventory.find(props["server_id"])
        if host is None:
            return gone()
        return ReadResult(id_, outs(props, present=yes(host.attached(props["device"]))))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        self._attach(_news)
        return UpdateResult(outs(_news, present="yes"))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Detach. A server that never was shut down (its first configuration failed) still has
        the volume mounted: it is shut down first, as AWS does with
        ``stop_instance_before_detaching``.
        """
        host = inventory.find(_props["server_id"])
        if host is None:
            return
        if host.mounted(_props["device"]):
            host.stop()
        host.detach(_props["device"])

    def _attach(self, props: dict[str, Any]) -> None:
        host = inventory.find(props["server_id"])
        file = file_of(props["volume_id"])
        if host is None:
            raise missing("Server", props["server_id"])
        attach(host, props["device"], file)


class LocalAttachment(Resource, module="local", name="Attachment"):
    """A volume on a server."""

    def __init__(
        self,
        name: str,
        *,
        server_id: pulumi.Input[str],
        volume_id: pulumi.Input[str],
        device: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "server_id": server_id,
            "volume_id": volume_id,
            "device": device,
            "present": None,
        }
        super().__init__(AttachmentProvider(), name, props, opts)
