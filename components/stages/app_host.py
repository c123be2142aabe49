"""The server that runs the app, in either stage: boot, host configuration, static address.

The wiring decides the order (a test removes each edge once): the host configuration takes the
server's and the attachment's id as inputs, the address takes its server from the host
configuration's output, the domain's record takes the address, and what is in service takes that.
So a new server is configured and healthy before the address moves to it, and an old one is shut
down, or stays in service, before anything of it goes.

It never decides where the database is: the stage passes an :class:`AppDatabase`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi

from components import outputs
from components.host import (
    access,
    app,
    authorities,
    base,
    certificate,
    firewall,
    memory,
    nginx,
    pgbouncer,
    procfile,
    valkey,
    variables,
)
from components.host.cloud_init import boot_document
from components.host.data_volume import MOUNT
from components.host.model import HostFile, Part, Release, Shutdown
from components.release import ResolvedRelease
from components.resources.first_boot import FirstBoot, WayIn, where
from components.resources.first_contact import FirstContactKey, PinnedHostKey
from components.resources.handover import Handover
from components.resources.host_configuration import HostConfiguration, HostConfigurationArgs
from components.resources.in_service import InService
from components.resources.queue_handover import QueueHandover
from components.resources.secrets import GeneratedSecrets
from components.seam.cloud import (
    LOGIN,
    AddressAnswer,
    BucketAnswer,
    Cloud,
    NetworkAnswer,
    ServerNeeds,
    SshKey,
    VolumeAnswer,
)
from components.seam.dns import RecordNeeds
from components.settings import Settings
from components.stages import storage
from components.stages.app_database import AppDatabase

APP_SECRET_KEY = "app-secret-key"  # noqa: S105 - the name of a generated secret
QUEUE_PASSWORD = "queue-password"  # noqa: S105 - the name of a generated secret
POOL_PASSWORD = "pool-password"  # noqa: S105 - the name of a generated secret
SECRETS = (APP_SECRET_KEY, QUEUE_PASSWORD, POOL_PASSWORD)
"""The names of the secrets that an app host needs."""

DRAIN_TIMEOUT_S = 300
"""How long a shutdown waits for jobs, and for each of its commands."""


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
        plan = cloud.server_plan(server_plan_name(cloud, settings))
        commands = procfile.parse(release.procfile)
        workers = commands.counts(settings.app.processes)
        needs = release.needs(settings.app)
        mount = MOUNT if volume else None
        own_parts = cloud.host_parts(data_mount=mount)
        trusted = authorities.authorities(
            (*settings.host.ca_certificates, *cloud.ca_certificates())
        )
        shares = memory.shares(plan.memory_mib, database_here=not database.managed)
        own_key = cloud.ssh_private_key(name, parent=self)
        parts = (
            *trusted,
            *_parts(
                settings,
                needs.packages,
                shares,
                database,
                mount,
                has_stack_key=own_key is not None,
            ),
            *own_parts,
        )
        keys = pulumi.Output.all(
            *settings.access.ssh_keys, *([own_key.public] if own_key else [])
        ).apply(lambda known: [str(key) for key in known])

        static = cloud.address(name, network, parent=self)
        generation = str(settings.server.generation)
        first, unreached = None, pulumi.Output.from_input("")
        if not cloud.knows_host_keys:
            first = FirstContactKey(
                f"{name}-first-contact-key", generation, pulumi.ResourceOptions(parent=self)
            )
        server = cloud.server(
            name,
            ServerNeeds(
                plan=plan.name,
                user_data=_user_data(settings, parts, keys, volume, first),
                generation=generation,
                volume=volume,
            ),
            network,
            parent=self,
        )
        if first is not None:
            pin = PinnedHostKey(
                f"{name}-host-key",
                cloud.name,
                server,
                first,
                LOGIN,
                own_key.private if own_key else None,
                pulumi.ResourceOptions(parent=self),
            )
            server, unreached = replace(server, ssh_host_key=pin.host_key), pin.failed
        way_in = where(cloud.name, server, LOGIN, own_key.private if own_key else None)
        child = pulumi.ResourceOptions(parent=self)
        WayIn(f"{name}-way-in", way_in, child)
        first_boot = FirstBoot(f"{name}-first-boot", way_in, server, unreached, child)
        if volume is None:  # Nothing of the server outlives it but what it hands on.
            handover = Handover(
                f"{name}-handover",
                cloud=cloud.name,
                server=server,
                login=LOGIN,
                private_key=own_key.private if own_key else None,
                boot_failed=first_boot.failed,
                folder=certificate.store(mount) if settings.domain else "",
                opts=pulumi.ResourceOptions(parent=self),
            )
            server = replace(server, id=handover.server_id)
        host = HostConfiguration(
            f"{name}-host",
            HostConfigurationArgs(
                cloud=cloud.name,
                server=server,
                boot_failed=first_boot.failed,
                size=plan.name,
                login=LOGIN,
                private_key=own_key.private if own_key else None,
                parts=parts,
                late_files=_late_files(
                    settings, needs.health_path, own_key, static, database, bucket
                ),
                secret_files=_secret_files(
                    {**(authorities.ENVIRONMENT if trusted else {}), **needs.environment},
                    settings,
                    static,
                    secrets,
                    database,
                    storage.known(bucket),
                    mount,
                    variables.web_concurrency(shares, settings.app.web_processes),
                ),
                database=database.bootstrap,
                database_secrets=database.bootstrap_secrets,
                release=_release(settings, release, needs.build, commands.release),
                app=app.app_service(
                    processes=settings.app.web_processes,
                    health_path=needs.health_path,
                    workers=workers,
                    worker_settle_s=settings.app.worker_settle_s,
                ),
                readiness=app.readiness_check(
                    processes=settings.app.web_processes,
                    health_path=needs.health_path,
                    timeout_s=settings.app.health_timeout_s,
                    host_header=settings.domain or "",
                ),
                shutdown=Shutdown(
                    # On a data volume the queue waits for the next server.
                    drained=valkey.DRAINED if any(workers.values()) and not mount else "",
                    queue={} if mount else valkey.WHERE,
                    mount=mount or "",
                    commands=(
                        *(certificate.SHUTDOWN if settings.domain else ()),
                        *pgbouncer.shutdown(),
                        *(valkey.shutdown() if mount else ()),
                        *database.shutdown,
                    ),
                    timeout_s=DRAIN_TIMEOUT_S,
                ),
                force_stop=settings.host.force_stop,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.address = cloud.assign_address(
            name,
            static,
            host.server_id,
            delete_before_replace=server.delete_before_replace,
            parent=self,
        )
        led = _records(name, cloud, settings, self.address, self)
        serving = host.server_id
        if volume is None:
            queue = QueueHandover(f"{name}-queue", host.wanted, serving, self.address, child)
            serving = queue.server_id
        InService(
            f"{name}-in-service",
            host.wanted,
            serving,
            led,
            pulumi.ResourceOptions(parent=self),
        )
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
        self.register_outputs(self.outputs)


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


def _parts(
    settings: Settings,
    packages: Sequence[str],
    shares: memory.MemoryShares,
    database: AppDatabase,
    mount: str | None,
    *,
    has_stack_key: bool,
) -> tuple[Part, ...]:
    """What runs on the host, in the order in which it is converged."""
    return (
        base.base(login=LOGIN),
        access.access(login=LOGIN, ssh_keys=settings.access.ssh_keys, has_stack_key=has_stack_key),
        firewall.firewall(ssh_cidrs=settings.access.ssh_cidrs),
        app.app(memory=shares, packages=packages, mount=mount),
        *database.parts,
        pgbouncer.pgbouncer(
            pool_mode=settings.database.pool_mode,
            sizes=database.sizes,
            managed=database.managed,
            promoted=database.promoted,
            replicas=database.replicas,
            statement_timeout_s=settings.database.statement_timeout_s,
        ),
        valkey.valkey(memory_mib=shares.valkey_mib, mount=mount),
        nginx.nginx(
            web_ports=app.web_ports(settings.app.web_processes),
            domain=settings.domain,
            limits=nginx.Limits(
                max_body_mib=settings.app.max_body_mib,
                request_timeout_s=settings.app.request_timeout_s,
                response_headers_kib=settings.app.response_headers_kib,
            ),
        ),
        *_certificate(settings, mount),
    )


def _certificate(settings: Settings, mount: str | None) -> tuple[Part, ...]:
    if not settings.domain:
        return ()
    part = certificate.certificate(
        domain=settings.domain,
        server=settings.tls.acme_server,
        authority=settings.tls.acme_ca,
        email=settings.tls.email,
        mount=mount,
    )
    return (part,)


def _user_data(
    settings: Settings,
    parts: tuple[Part, ...],
    keys: pulumi.Output[list[str]],
    volume: VolumeAnswer | None,
    first: FirstContactKey | None,
) -> pulumi.Output[str]:
    """The boot document; it asks for all packages at once, for a boot is when they cost least."""
    packages = sorted({package for part in parts for package in part.packages})

    def document(known: Mapping[str, Any]) -> str:
        return boot_document(
            login=LOGIN,
            ssh_keys=known["keys"],
            packages=packages,
            ssh_cidrs=settings.access.ssh_cidrs,
            volume_device=known["device"],
            postgres=volume is not None,
            host_key=known["host_key"],
        )

    device = volume.device if volume else None
    host_key = first.private if first else None
    return pulumi.Output.all(keys=keys, device=device, host_key=host_key).apply(document)


def _late_files(
    settings: Settings,
    health_path: str,
    own_key: SshKey | None,
    static: AddressAnswer,
    database: AppDatabase,
    bucket: BucketAnswer | None,
) -> pulumi.Output[Sequence[HostFile]]:
    """Files that are known only when something exists, and hold no secret."""

    def files(known: Mapping[str, Any]) -> Sequence[HostFile]:
        key, trusted = known["own_key"], authorities.authorities([known["ca_pem"]])
        return [
            *([access.stack_key(login=LOGIN, ssh_key=key)] if key else []),
            *([certificate.address(known["address"])] if settings.domain else []),
            app.gate_file(
                processes=settings.app.web_processes,
                health_path=health_path,
                host=settings.domain or known["address"],
                https=bool(settings.domain),
            ),
            *(file for part in trusted for file in part.files),
            *known["database"],
        ]

    return pulumi.Output.all(
        own_key=own_key.public if own_key else "",
        address=static.address,
        ca_pem=(bucket.ca_pem or "") if bucket else "",
        database=database.late_files,
    ).apply(files)


def _secret_files(
    app_environment: Mapping[str, str],
    settings: Settings,
    static: AddressAnswer,
    secrets: GeneratedSecrets,
    database: AppDatabase,
    bucket: pulumi.Output[dict[str, Any]],
    mount: str | None,
    web_concurrency: int,
) -> pulumi.Output[Sequence[HostFile]]:
    """Files that hold a secret."""

    def files(known: Mapping[str, Any]) -> Sequence[HostFile]:
        given = variables.variables(
            secret_key=known["secret_key"],
            pool_password=known["pool_password"],
            scheme=settings.app.database_url_scheme,
            replicas=bool(database.replicas),
            redis_url=valkey.url(known["queue_password"]),
            host=settings.domain or known["address"],
            web_concurrency=web_concurrency,
            stack={
                **({app.STORAGE_VARIABLE: app.storage(mount)} if mount else {}),
                "STAGES_STACK": settings.stack,
                "STAGES_CLOUD": settings.cloud,
                "STAGES_STAGE": str(settings.stage),
            },
        )
        return [
            *app.environment_files(
                {**storage.environment(known["bucket"]), **app_environment}, given
            ),
            *known["database"],
            pgbouncer.users_file(known["pool_password"]),
            valkey.password_file(known["queue_password"]),
        ]

    return pulumi.Output.all(
        secret_key=secrets.value(APP_SECRET_KEY),
        queue_password=secrets.value(QUEUE_PASSWORD),
        pool_password=secrets.value(POOL_PASSWORD),
        address=static.address,
        database=database.secret_files,
        bucket=bucket,
    ).apply(files)


def _release(
    settings: Settings, release: ResolvedRelease, build: str, release_command: str
) -> Release:
    return Release(
        repository=release.repository,
        commit=release.commit,
        directory=settings.app.directory,
        build=build,
        release_command=release_command,
        reconnect=pgbouncer.RECONNECT,
    )
