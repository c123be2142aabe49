"""What is on an app server: its software, its files and secrets, what runs. Makes no resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pulumi

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
from components.presets.preset import Detected
from components.release import ResolvedRelease
from components.resources.first_contact import FirstContactKey
from components.resources.host_configuration import HostConfigurationArgs
from components.resources.secrets import GeneratedSecrets
from components.seam.cloud import (
    LOGIN,
    AddressAnswer,
    BucketAnswer,
    Cloud,
    ServerAnswer,
    ServerPlan,
    SshKey,
    VolumeAnswer,
)
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


@dataclass(frozen=True, kw_only=True)
class AppContents:
    """From the stage's arguments to the documents of an app server."""

    cloud: Cloud
    settings: Settings
    release: ResolvedRelease
    plan: ServerPlan
    secrets: GeneratedSecrets
    database: AppDatabase
    volume: VolumeAnswer | None
    bucket: BucketAnswer | None
    address: AddressAnswer
    own_key: SshKey | None
    """The stack's own key pair, where the cloud makes one."""

    @property
    def mount(self) -> str | None:
        """Where the data volume is; ``None``: there is none."""
        return MOUNT if self.volume else None

    @cached_property
    def needs(self) -> Detected:
        """What the app needs: detected, or as the settings have it."""
        return self.release.needs(self.settings.app)

    @cached_property
    def shares(self) -> memory.MemoryShares:
        return memory.shares(
            self.plan.memory_mib,
            database_here=not self.database.managed,
            queue_mib=self.settings.queue.memory_mib,
        )

    @cached_property
    def trusted(self) -> tuple[Part, ...]:
        """Authorities beside Debian's own."""
        own = (*self.settings.host.ca_certificates, *self.cloud.ca_certificates())
        return authorities.authorities(own)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What runs on the host, in the order in which it is converged."""
        settings, database = self.settings, self.database
        return (
            *self.trusted,
            base.base(login=LOGIN),
            access.access(
                login=LOGIN,
                ssh_keys=settings.access.ssh_keys,
                has_stack_key=self.own_key is not None,
            ),
            firewall.firewall(ssh_cidrs=settings.access.ssh_cidrs),
            app.app(memory=self.shares, packages=self.needs.packages, mount=self.mount),
            *database.parts,
            pgbouncer.pgbouncer(
                pool_mode=settings.database.pool_mode,
                sizes=database.sizes,
                managed=database.managed,
                promoted=database.promoted,
                replicas=database.replicas,
                statement_timeout_s=settings.database.statement_timeout_s,
            ),
            valkey.valkey(memory_mib=self.shares.valkey_mib, mount=self.mount),
            nginx.nginx(
                web_ports=app.web_ports(settings.app.web_processes),
                domain=settings.domain,
                limits=nginx.Limits(
                    max_body_mib=settings.app.max_body_mib,
                    request_timeout_s=settings.app.request_timeout_s,
                    response_headers_kib=settings.app.response_headers_kib,
                ),
            ),
            *self._certificate(),
            *self.cloud.host_parts(data_mount=self.mount),
        )

    def _certificate(self) -> tuple[Part, ...]:
        settings = self.settings
        if not settings.domain:
            return ()
        part = certificate.certificate(
            domain=settings.domain,
            server=settings.tls.acme_server,
            authority=settings.tls.acme_ca,
            email=settings.tls.email,
            mount=self.mount,
        )
        return (part,)

    def user_data(self, first: FirstContactKey | None) -> pulumi.Output[str]:
        """The boot document; it asks for all packages at once: at boot they cost least."""
        packages = sorted({package for part in self.parts for package in part.packages})

        def document(known: Mapping[str, Any]) -> str:
            return boot_document(
                login=LOGIN,
                ssh_keys=[str(key) for key in known["keys"]],
                packages=packages,
                ssh_cidrs=self.settings.access.ssh_cidrs,
                volume_device=known["device"],
                postgres=self.volume is not None,
                host_key=known["host_key"],
            )

        own = [self.own_key.public] if self.own_key else []
        return pulumi.Output.all(
            keys=[*self.settings.access.ssh_keys, *own],
            device=self.volume.device if self.volume else None,
            host_key=first.private if first else None,
        ).apply(document)

    def configuration(
        self, server: ServerAnswer, boot_failed: pulumi.Input[str]
    ) -> HostConfigurationArgs:
        """What ``HostConfiguration`` brings ``server`` to."""
        settings, needs, database = self.settings, self.needs, self.database
        commands = procfile.parse(self.release.procfile)
        workers = commands.counts(settings.app.processes)
        processes = settings.app.web_processes
        if database.promoted:  # the app runs on the other stack, and this one forwards to it
            workers, processes = {}, 0
        return HostConfigurationArgs(
            cloud=self.cloud.name,
            server=server,
            boot_failed=boot_failed,
            size=self.plan.name,
            login=LOGIN,
            private_key=self.own_key.private if self.own_key else None,
            parts=self.parts,
            late_files=self._late_files(),
            secret_files=self._secret_files(),
            database=database.bootstrap,
            database_secrets=database.bootstrap_secrets,
            release=Release(
                repository=self.release.repository,
                commit=self.release.commit,
                directory=settings.app.directory,
                build=needs.build,
                release_command=commands.release,
                reconnect=pgbouncer.RECONNECT,
            ),
            app=app.app_service(
                processes=processes,
                health_path=needs.health_path,
                workers=workers,
                worker_settle_s=settings.app.worker_settle_s,
            ),
            readiness=app.readiness_check(
                processes=processes,
                health_path=needs.health_path,
                timeout_s=settings.app.health_timeout_s,
                host_header=settings.domain or "",
            ),
            shutdown=self._shutdown(has_workers=any(workers.values())),
            force_stop=settings.host.force_stop,
        )

    def _shutdown(self, *, has_workers: bool) -> Shutdown:
        """On a data volume the queue waits for the next server."""
        mount = self.mount
        return Shutdown(
            drained=valkey.DRAINED if has_workers and not mount else "",
            queue={} if mount else valkey.WHERE,
            mount=mount or "",
            commands=(
                *(certificate.SHUTDOWN if self.settings.domain else ()),
                *pgbouncer.shutdown(),
                *(valkey.shutdown() if mount else ()),
                *self.database.shutdown,
            ),
            timeout_s=DRAIN_TIMEOUT_S,
        )

    def _late_files(self) -> pulumi.Output[Sequence[HostFile]]:
        """Files that are known only when something exists, and hold no secret."""
        settings = self.settings

        def files(known: Mapping[str, Any]) -> Sequence[HostFile]:
            key, trusted = known["own_key"], authorities.authorities([known["ca_pem"]])
            return [
                *([access.stack_key(login=LOGIN, ssh_key=key)] if key else []),
                *([certificate.address(known["address"])] if settings.domain else []),
                app.gate_file(
                    processes=settings.app.web_processes,
                    health_path=self.needs.health_path,
                    host=settings.domain or known["address"],
                    https=bool(settings.domain),
                ),
                nginx.forwarded_host(settings.domain or known["address"]),
                *(file for part in trusted for file in part.files),
                *known["database"],
            ]

        return pulumi.Output.all(
            own_key=self.own_key.public if self.own_key else "",
            address=self.address.address,
            ca_pem=(self.bucket.ca_pem or "") if self.bucket else "",
            database=self.database.late_files,
        ).apply(files)

    def _secret_files(self) -> pulumi.Output[Sequence[HostFile]]:
        """Files that hold a secret."""
        settings, mount = self.settings, self.mount
        own = {**(authorities.ENVIRONMENT if self.trusted else {}), **self.needs.environment}

        def files(known: Mapping[str, Any]) -> Sequence[HostFile]:
            given = variables.variables(
                secret_key=known["secret_key"],
                pool_password=known["pool_password"],
                scheme=settings.app.database_url_scheme,
                replicas=bool(self.database.replicas),
                redis_url=valkey.url(known["queue_password"]),
                host=settings.domain or known["address"],
                web_concurrency=variables.web_concurrency(self.shares, settings.app.web_processes),
                stack={
                    **({app.STORAGE_VARIABLE: app.storage(mount)} if mount else {}),
                    "STAGES_STACK": settings.stack,
                    "STAGES_CLOUD": settings.cloud,
                    "STAGES_STAGE": str(settings.stage),
                },
            )
            return [
                *app.environment_files({**storage.environment(known["bucket"]), **own}, given),
                *known["database"],
                pgbouncer.users_file(known["pool_password"]),
                valkey.password_file(known["queue_password"]),
            ]

        return pulumi.Output.all(
            secret_key=self.secrets.value(APP_SECRET_KEY),
            queue_password=self.secrets.value(QUEUE_PASSWORD),
            pool_password=self.secrets.value(POOL_PASSWORD),
            address=self.address.address,
            database=self.database.secret_files,
            bucket=storage.known(self.bucket),
        ).apply(files)
