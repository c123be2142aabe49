"""The class that a stage talks to: each method is one file's work."""

from __future__ import annotations

import pulumi

from components.clouds.digitalocean import checks, plans
from components.clouds.digitalocean.resources import (
    alarms,
    bucket,
    database,
    network,
    records,
    server,
)
from components.seam.cloud import (
    AddressAnswer,
    BucketAnswer,
    BucketNeeds,
    Cloud,
    DatabaseAnswer,
    DatabaseNeeds,
    DatabasePlan,
    NetworkAnswer,
    NetworkNeeds,
    ServerAnswer,
    ServerNeeds,
    ServerPlan,
    SshKey,
    VolumeAnswer,
    VolumeNeeds,
)
from components.seam.dns import RecordNeeds
from components.seam.uptime import UptimeNeeds
from components.settings import Settings


class DigitalOcean(Cloud):
    """How DigitalOcean makes what a stage needs.

    Making one raises ``UserError`` for settings that DigitalOcean cannot serve.
    """

    name = "digitalocean"
    knows_host_keys = False

    def __init__(self, settings: Settings) -> None:
        checks.check(settings)
        self._settings = settings
        self._region = checks.region(settings)

    def server_plan(self, name: str) -> ServerPlan:
        return plans.server(name)

    def database_plan(self, name: str) -> DatabasePlan:
        return plans.database(name)

    def default_server_plan(self, stage: int) -> str:
        return plans.DEFAULT_SERVER[stage]

    def default_database_plan(self) -> str:
        return plans.DEFAULT_DATABASE

    def ssh_private_key(self, name: str, *, parent: pulumi.Resource) -> SshKey | None:
        return None

    def network(self, name: str, needs: NetworkNeeds, *, parent: pulumi.Resource) -> NetworkAnswer:
        made = network.network(name, needs, self._settings, self._region, parent)
        alarms.for_servers(name, made, self._settings.alarms, parent)
        return made

    def volume(self, name: str, needs: VolumeNeeds, *, parent: pulumi.Resource) -> VolumeAnswer:
        return server.volume(name, needs, self._settings, self._region, parent)

    def database(
        self, name: str, needs: DatabaseNeeds, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> DatabaseAnswer:
        return database.database(name, needs, _own(network), self._settings, self._region, parent)

    def bucket(
        self, name: str, needs: BucketNeeds, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> BucketAnswer:
        return bucket.bucket(name, needs, self._settings, self._region, parent)

    def server(
        self, name: str, needs: ServerNeeds, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> ServerAnswer:
        return server.server(name, needs, _own(network), self._settings, self._region, parent)

    def address(
        self, name: str, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> AddressAnswer:
        return server.address(name, self._settings, self._region, parent)

    def assign_address(
        self,
        name: str,
        address: AddressAnswer,
        server_id: pulumi.Input[str],
        *,
        delete_before_replace: bool,
        parent: pulumi.Resource,
    ) -> pulumi.Output[str]:
        return server.assign_address(name, address, server_id, delete_before_replace, parent)

    def records(
        self,
        name: str,
        needs: RecordNeeds,
        address: pulumi.Output[str],
        *,
        parent: pulumi.Resource,
    ) -> pulumi.Output[str]:
        return records.records(name, needs, address, parent)

    def uptime(
        self,
        name: str,
        needs: UptimeNeeds,
        address: pulumi.Output[str],
        network: NetworkAnswer,
        *,
        parent: pulumi.Resource,
    ) -> None:
        alarms.for_site(name, needs, address, self._settings.alarms, parent)


def _own(answer: NetworkAnswer) -> network.Network:
    if not isinstance(answer, network.Network):
        raise TypeError(f"should be a network that DigitalOcean made, got {answer!r}")
    return answer
