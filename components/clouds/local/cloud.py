"""The local cloud behind the seam: which resources answer which need.

Costs nothing but the machine's memory and disk. Never touches what is not its own: bridges, tables
and folders carry the stack's name or a hash of it.
"""

from __future__ import annotations

import pulumi

from components.clouds.local import plans
from components.clouds.local.bucket import host_files as bucket_files
from components.clouds.local.database import host_files
from components.clouds.local.net import bridge
from components.clouds.local.resources.address import LocalAddress
from components.clouds.local.resources.bucket import LocalBucket
from components.clouds.local.resources.database import LocalDatabase, LocalFollower
from components.clouds.local.resources.keys import LocalAuthority, LocalSshKey
from components.clouds.local.resources.network import LocalNetwork
from components.clouds.local.resources.server import LocalServer
from components.clouds.local.resources.volume import LocalAttachment, LocalVolume, node_of
from components.resources.secrets import GeneratedSecrets
from components.seam.cloud import (
    AddressAnswer,
    BucketAnswer,
    BucketNeeds,
    Cloud,
    DatabaseAnswer,
    DatabaseNeeds,
    DatabasePlan,
    Guarantee,
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

REPLICATION = "replication-password"
"""Name of the secret with which standby and replicas get in at the primary."""
BUCKET_GIB = 20
"""The most that a bucket holds; its volume takes only what is written to it."""
SECRET_KEY = "secret-access-key"  # noqa: S105 - the name of a generated secret
NOT_ENCRYPTED = Guarantee(kept=False, reason="the volume is a plain file on this machine's disk")
NOT_BACKED_UP = Guarantee(
    kept=False, reason="the volume is a file on this machine; nothing copies it"
)


class LocalCloud(Cloud):
    """Hosts in containers on this machine, for one stack."""

    name = "local"
    knows_host_keys = True

    def __init__(self, stack: str, ca_certificates: tuple[str, ...] = ()) -> None:
        self._stack = stack
        self._ca_certificates = ca_certificates

    def server_plan(self, name: str) -> ServerPlan:
        return plans.server(name)

    def database_plan(self, name: str) -> DatabasePlan:
        return plans.database(name)

    def default_server_plan(self, stage: int) -> str:
        return plans.DEFAULT_SERVER

    def default_database_plan(self) -> str:
        return plans.DEFAULT_DATABASE

    def ssh_private_key(self, name: str, *, parent: pulumi.Resource) -> SshKey:
        opts = pulumi.ResourceOptions(parent=parent)
        key = LocalSshKey(f"{name}-key", stack=self._stack, key=name, opts=opts)
        return SshKey(public=key.public_key, private=pulumi.Output.secret(key.private_key))

    def network(self, name: str, needs: NetworkNeeds, *, parent: pulumi.Resource) -> NetworkAnswer:
        opts = pulumi.ResourceOptions(parent=parent)
        network = LocalNetwork(f"{name}-network", stack=self._stack, cidr=needs.cidr, opts=opts)
        return NetworkAnswer(id=network.id, cidr=needs.cidr)

    def volume(self, name: str, needs: VolumeNeeds, *, parent: pulumi.Resource) -> VolumeAnswer:
        opts = pulumi.ResourceOptions(parent=parent, protect=needs.protected)
        volume = LocalVolume(
            f"{name}-volume", stack=self._stack, volume=name, size_gib=needs.size_gib, opts=opts
        )
        # Plain, so that the first plan already shows the boot document that holds it.
        return VolumeAnswer(
            id=volume.id,
            device=pulumi.Output.from_input(node_of(name)),
            encrypted_at_rest=NOT_ENCRYPTED,
            backed_up=NOT_BACKED_UP,
        )

    def database(
        self, name: str, needs: DatabaseNeeds, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> DatabaseAnswer:
        plan = plans.database(needs.plan)
        opts = pulumi.ResourceOptions(parent=parent)
        authority = LocalAuthority(
            f"{name}-authority", stack=self._stack, authority=name, opts=opts
        )
        volume = LocalVolume(
            f"{name}-volume",
            stack=self._stack,
            volume=name,
            size_gib=needs.storage_gib,
            opts=pulumi.ResourceOptions(parent=parent, protect=needs.protected),
        )
        props = {
            "stack": self._stack,
            "name": name,
            "network_id": network.id,
            "volume_id": volume.id,
            "device": node_of(name),
            "version": str(needs.version),
            "plan": plan.name,
            "memory_mib": str(plan.memory_mib),
            "connections": str(plan.connection_limit),
            "reserved": str(plan.reserved_connections),
            "storage_gib": volume.size_gib,
            "admin_password": needs.admin_password,
            "ca_pem": authority.ca_pem,
            "ca_key": authority.ca_key,
        }
        if needs.standby or needs.read_replicas:
            made = GeneratedSecrets(f"{name}-replication", (REPLICATION,), opts)
            props["replication_password"] = made.value(REPLICATION)
        alone = pulumi.ResourceOptions(parent=parent, delete_before_replace=True)
        database = LocalDatabase(f"{name}-database", props=props, opts=alone)

        def follower(role: str, kind: str) -> LocalFollower:
            own = f"{name}-{role}"
            disk = LocalVolume(
                f"{own}-volume",
                stack=self._stack,
                volume=own,
                size_gib=needs.storage_gib,
                opts=opts,
            )
            differs = {
                "name": own,
                "kind": kind,
                "database": name,
                "database_id": database.id,
                "volume_id": disk.id,
                "device": node_of(own),
                "storage_gib": disk.size_gib,
            }
            return LocalFollower(own, props={**props, **differs}, opts=alone)

        if needs.standby:
            follower("standby", "standby")
        replicas = [
            follower(f"replica-{number}", "replica") for number in range(1, needs.read_replicas + 1)
        ]
        return DatabaseAnswer(
            host=database.host,
            port=pulumi.Output.from_input(host_files.PORT),
            admin_user=pulumi.Output.from_input(host_files.ADMIN),
            admin_password=pulumi.Output.secret(database.admin_password),
            admin_database="postgres",
            ca_pem=authority.ca_pem,
            encrypted_at_rest=NOT_ENCRYPTED,
            backed_up=NOT_BACKED_UP,
            standby=Guarantee(
                kept=needs.standby,
                reason="every commit is on a second host's disk before it is acknowledged, and "
                f"`make failover STACK={self._stack}` lets that host take over"
                if needs.standby
                else "stages:database.standby is false",
            ),
            read_hosts=tuple(replica.host for replica in replicas),
        )

    def bucket(
        self, name: str, needs: BucketNeeds, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> BucketAnswer:
        opts = pulumi.ResourceOptions(parent=parent)
        authority = LocalAuthority(
            f"{name}-authority", stack=self._stack, authority=name, opts=opts
        )
        volume = LocalVolume(
            f"{name}-volume",
            stack=self._stack,
            volume=name,
            size_gib=BUCKET_GIB,
            opts=pulumi.ResourceOptions(parent=parent, protect=needs.protected),
        )
        secret = GeneratedSecrets(f"{name}-key", (SECRET_KEY,), opts).value(SECRET_KEY)
        bucket = LocalBucket(
            f"{name}-bucket",
            props={
                "stack": self._stack,
                "name": name,
                "network_id": network.id,
                "volume_id": volume.id,
                "device": node_of(name),
                "days": str(needs.retention_days),
                "locked": "yes" if needs.locked else "no",
                "secret_access_key": secret,
                "ca_pem": authority.ca_pem,
                "ca_key": authority.ca_key,
            },
            opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=True),
        )
        return BucketAnswer(
            name=bucket.bucket,
            endpoint=bucket.endpoint,
            region=pulumi.Output.from_input(bucket_files.REGION),
            access_key_id=pulumi.Output.from_input(bucket_files.KEY_ID),
            secret_access_key=secret,
            ca_pem=authority.ca_pem,
            encrypted_at_rest=NOT_ENCRYPTED,
            versions_kept=Guarantee(kept=True, reason="the bucket's policy gives no such right"),
            locked=Guarantee(
                kept=needs.locked,
                reason="an object lock of the S3 server; root of this machine can undo it"
                if needs.locked
                else "no lock was asked for",
            ),
        )

    def server(
        self, name: str, needs: ServerNeeds, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> ServerAnswer:
        plan = plans.server(needs.plan)
        first = needs.volume is not None
        server = LocalServer(
            f"{name}-server",
            stack=self._stack,
            server=name,
            network_id=network.id,
            plan=plan.name,
            memory_mib=plan.memory_mib,
            generation=needs.generation,
            user_data=needs.user_data,
            opts=pulumi.ResourceOptions(
                parent=parent, delete_before_replace=first, ignore_changes=["user_data"]
            ),
        )
        attachment = None
        if needs.volume is not None:
            attachment = LocalAttachment(
                f"{name}-attachment",
                server_id=server.id,
                volume_id=needs.volume.id,
                device=needs.volume.device,
                opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=True),
            )
        return ServerAnswer(
            id=server.id,
            attachment_id=attachment.id if attachment else None,
            private_address=server.private_address,
            ssh_host=server.private_address,
            ssh_host_key=server.host_key,
            delete_before_replace=first,
        )

    def ca_certificates(self) -> tuple[str, ...]:
        return self._ca_certificates

    def address(
        self, name: str, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> AddressAnswer:
        """No resource: the tenth address of the network, whenever the network is made."""
        address = bridge.of(self._stack, network.cidr).static_address
        return AddressAnswer(id=network.id, address=pulumi.Output.from_input(address))

    def assign_address(
        self,
        name: str,
        address: AddressAnswer,
        server_id: pulumi.Input[str],
        *,
        delete_before_replace: bool,
        parent: pulumi.Resource,
    ) -> pulumi.Output[str]:
        assigned = LocalAddress(
            f"{name}-address",
            network_id=address.id,
            server_id=server_id,
            delete_before_replace=delete_before_replace,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        return assigned.address

    def records(
        self,
        name: str,
        needs: RecordNeeds,
        address: pulumi.Output[str],
        *,
        parent: pulumi.Resource,
    ) -> pulumi.Output[str]:
        raise TypeError("local has no DNS, and refuses stages:dns.zone (checks.py)")

    def uptime(
        self,
        name: str,
        needs: UptimeNeeds,
        address: pulumi.Output[str],
        network: NetworkAnswer,
        *,
        parent: pulumi.Resource,
    ) -> None:
        raise TypeError("local has no alarms, and refuses stages:alarms.uptime (checks.py)")
