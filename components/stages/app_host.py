"""The server that runs the app, in either stage: boot, host configuration, static address.

The wiring decides the order (a test removes each edge once): the host configuration takes the
server's and the attachment's id as inputs, the address takes its server from the host
configuration's output, the domain's record takes the address, and what is in service takes that.
So a new server is configured and healthy before the address moves to it, and an old one is shut
down, or stays in service, before anything of it goes.

It never decides where the database is: the stage passes an :class:`AppDatabase`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pulumi

from components import outputs
from components.host import certificate
from components.release import ResolvedRelease
from components.resources.first_boot import FirstBoot, WayIn, where
from components.resources.first_contact import FirstContactKey, PinnedHostKey
from components.resources.handover import Handover
from components.resources.host_configuration import HostConfiguration
from components.resources.in_service import InService
from components.resources.queue_handover import QueueHandover
from components.resources.secrets import GeneratedSecrets
from components.seam.cloud import (
    LOGIN,
    BucketAnswer,
    Cloud,
    NetworkAnswer,
    ServerAnswer,
    ServerNeeds,
    VolumeAnswer,
)
from components.seam.dns import RecordNeeds
from components.seam.uptime import UptimeNeeds
from components.settings import Settings
from components.stages import storage
from components.stages.app_contents import AppContents
from components.stages.app_database import AppDatabase


@dataclass(frozen=True)
class BootedServer:
    """A server that has booted, or failed to."""

    server: ServerAnswer
    boot_failed: pulumi.Output[str]
    """Why; empty: it did not fail."""


class AppHost(pulumi.ComponentResource):
    """An app server behind a static address. Costs the server and, on some clouds, the address."""

    address: pulumi.Output[str]
    outputs: dict[str, pulumi.Input[Any]]

    def __init__(
        self,
        name: str,
        *,
        cloud: Cloud,
        settings: Settings,
        release: ResolvedRelease,
        network: NetworkAnswer,
        volume: VolumeAnswer | None,
        secrets: GeneratedSecrets,
        database: AppDatabase,
        bucket: BucketAnswer | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("stages:app_host:AppHost", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        own_key = cloud.ssh_private_key(name, parent=self)
        static = cloud.address(name, network, parent=self)
        contents = AppContents(
            cloud=cloud,
            settings=settings,
            release=release,
            plan=cloud.server_plan(server_plan_name(cloud, settings)),
            secrets=secrets,
            database=database,
            volume=volume,
            bucket=bucket,
            address=static,
            own_key=own_key,
        )
        booted = self._booted(name, contents, network)
        server = booted.server
        host = HostConfiguration(
            f"{name}-host", contents.configuration(server, booted.boot_failed), child
        )
        self.address = cloud.assign_address(
            name,
            static,
            host.server_id,
            delete_before_replace=server.delete_before_replace,
            parent=self,
        )
        led = _records(name, cloud, settings, self.address, self)
        if settings.alarms.uptime:
            path = release.needs(settings.app).health_path
            site = UptimeNeeds(domain=settings.domain, path=path)
            cloud.uptime(name, site, led, network, parent=self)
        serving = host.server_id
        if volume is None:
            queue = QueueHandover(f"{name}-queue", host.wanted, serving, self.address, child)
            serving = queue.server_id
        InService(f"{name}-in-service", host.wanted, serving, led, child)
        self.outputs = {
            outputs.ADDRESS: self.address,
            outputs.URL: self.address.apply(
                lambda address: (
                    f"https://{settings.domain}" if settings.domain else f"http://{address}"
                )
            ),
            outputs.REVISION: host.revision,
            outputs.SERVER_ID: host.server_id,
            outputs.SSH_HOST: server.ssh_host,
            outputs.SSH_USER: LOGIN,
            outputs.SSH_HOST_KEY: server.ssh_host_key,
        }
        if settings.dns.zone:
            self.outputs[outputs.DNS_ZONE] = settings.dns.zone
        if own_key:
            self.outputs[outputs.SSH_PRIVATE_KEY] = pulumi.Output.secret(own_key.private)
        if bucket:
            self.outputs[outputs.STORAGE] = pulumi.Output.secret(storage.known(bucket))
        self.register_outputs(self.outputs)

    def _booted(self, name: str, contents: AppContents, network: NetworkAnswer) -> BootedServer:
        """A server known by its host key, after its first boot, with what its predecessor had."""
        cloud, settings, volume = contents.cloud, contents.settings, contents.volume
        child = pulumi.ResourceOptions(parent=self)
        private_key = contents.own_key.private if contents.own_key else None
        generation = str(settings.server.generation)
        first, unreached = None, pulumi.Output.from_input("")
        if not cloud.knows_host_keys:
            first = FirstContactKey(f"{name}-first-contact-key", generation, child)
        server = cloud.server(
            name,
            ServerNeeds(
                plan=contents.plan.name,
                user_data=contents.user_data(first),
                generation=generation,
                volume=volume,
            ),
            network,
            parent=self,
        )
        if first is not None:
            pin = PinnedHostKey(
                f"{name}-host-key", cloud.name, server, first, LOGIN, private_key, child
            )
            server, unreached = replace(server, ssh_host_key=pin.host_key), pin.failed
        way_in = where(cloud.name, server, LOGIN, private_key)
        WayIn(f"{name}-way-in", way_in, child)
        first_boot = FirstBoot(f"{name}-first-boot", way_in, server, unreached, child)
        if volume is None:  # Nothing of the server outlives it but what it hands on.
            handover = Handover(
                f"{name}-handover",
                cloud=cloud.name,
                server=server,
                login=LOGIN,
                private_key=private_key,
                boot_failed=first_boot.failed,
                folder=certificate.store(contents.mount) if settings.domain else "",
                opts=child,
            )
            server = replace(server, id=handover.server_id)
        return BootedServer(server, first_boot.failed)


def server_plan_name(cloud: Cloud, settings: Settings) -> str:
    """The server plan that the settings name, or the cloud's default for the stage."""
    return settings.server.plan or cloud.default_server_plan(settings.stage)


def _records(
    name: str,
    cloud: Cloud,
    settings: Settings,
    address: pulumi.Output[str],
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    """The address once the domain leads there, where its record is the stack's to make."""
    if not settings.domain or not settings.dns.zone:
        return address
    needs = RecordNeeds(zone=settings.dns.zone, names=(settings.domain,))
    return cloud.records(name, needs, address, parent=parent)
