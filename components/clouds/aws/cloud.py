"""AWS as the seam sees it; every method's work is in the module of its name."""

from __future__ import annotations

import pulumi

from components.clouds.aws import checks, plans
from components.clouds.aws.context import Context
from components.clouds.aws.resources import address as static_address
from components.clouds.aws.resources import (
    bucket,
    database,
    host_metrics,
    network,
    records,
    server,
    uptime,
    volume,
)
from components.clouds.aws.resources.network import AwsNetwork
from components.host.model import Part
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


class AwsCloud(Cloud):
    """One stack on AWS."""

    name = "aws"
    knows_host_keys = False

    def __init__(self, settings: Settings) -> None:
        """Raise ``UserError`` for settings that AWS cannot serve."""
        checks.check(settings)
        self._ctx = Context(settings)

    def server_plan(self, name: str) -> ServerPlan:
        return plans.server(name)

    def database_plan(self, name: str) -> DatabasePlan:
        return plans.database(name)

    def default_server_plan(self, stage: int) -> str:
        return plans.DEFAULT_SERVER

    def default_database_plan(self) -> str:
        return plans.DEFAULT_DATABASE

    def ssh_private_key(self, name: str, *, parent: pulumi.Resource) -> SshKey | None:
        return None

    def network(self, name: str, needs: NetworkNeeds, *, parent: pulumi.Resource) -> NetworkAnswer:
        return network.make(self._ctx, name, needs, parent)

    def volume(self, name: str, needs: VolumeNeeds, *, parent: pulumi.Resource) -> VolumeAnswer:
        return volume.make(self._ctx, name, needs, parent)

    def database(
        self, name: str, needs: DatabaseNeeds, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> DatabaseAnswer:
        return database.make(self._ctx, name, needs, _own(network), parent)

    def bucket(
        self, name: str, needs: BucketNeeds, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> BucketAnswer:
        return bucket.make(self._ctx, name, needs, _own(network), parent)

    def server(
        self, name: str, needs: ServerNeeds, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> ServerAnswer:
        return server.make(self._ctx, name, needs, _own(network), parent)

    def host_parts(self, *, data_mount: str | None) -> tuple[Part, ...]:
        return host_metrics.parts(self._ctx, data_mount)

    def address(
        self, name: str, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> AddressAnswer:
        return static_address.make(self._ctx, name, parent)

    def assign_address(
        self,
        name: str,
        address: AddressAnswer,
        server_id: pulumi.Input[str],
        *,
        delete_before_replace: bool,
        parent: pulumi.Resource,
    ) -> pulumi.Output[str]:
        return static_address.assign(
            self._ctx,
            name,
            address,
            server_id,
            delete_before_replace=delete_before_replace,
            parent=parent,
        )

    def records(
        self,
        name: str,
        needs: RecordNeeds,
        address: pulumi.Output[str],
        *,
        parent: pulumi.Resource,
    ) -> pulumi.Output[str]:
        return records.make(self._ctx, name, needs, address, parent)

    def uptime(
        self,
        name: str,
        needs: UptimeNeeds,
        address: pulumi.Output[str],
        network: NetworkAnswer,
        *,
        parent: pulumi.Resource,
    ) -> None:
        uptime.make(self._ctx, name, needs, address, _own(network), parent)


def _own(network: NetworkAnswer) -> AwsNetwork:
    if not isinstance(network, AwsNetwork):
        raise TypeError(f"a network of AWS is needed, got {network!r}")
    return network
