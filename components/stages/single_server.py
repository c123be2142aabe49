"""Stage 1, single server, 0 to 100 users, $20-50 a month.

One server runs Nginx, the app's web processes and worker, Valkey, PgBouncer and PostgreSQL, whose
data is on a volume that outlives the server. It never has a database that others can reach.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pulumi

from components import outputs
from components.errors import UserError
from components.host import (
    app,
    backups,
    certificate,
    file_backups,
    pgbouncer,
    postgres,
    samples,
)
from components.host.bootstrap import bootstrap_sql
from components.host.data_volume import MOUNT
from components.host.model import DatabaseStep, HostFile, Part
from components.release import ResolvedRelease
from components.resources.secrets import GeneratedSecrets
from components.seam.cloud import Cloud, NetworkNeeds, VolumeNeeds
from components.settings import Settings
from components.stages import backup_bucket, storage
from components.stages.app_contents import SECRETS
from components.stages.app_database import AppDatabase
from components.stages.app_host import AppHost, server_plan_name


class SingleServer(pulumi.ComponentResource):
    """Everything on one server behind a static address."""

    outputs: dict[str, pulumi.Input[Any]]

    def __init__(
        self,
        name: str,
        cloud: Cloud,
        settings: Settings,
        release: ResolvedRelease,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("stages:single_server:SingleServer", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        network = cloud.network(
            name,
            NetworkNeeds(
                cidr=settings.network.cidr,
                private_database=False,
                ssh_cidrs=settings.access.ssh_cidrs,
                tunnel_from=settings.access.tunnel_from,
            ),
            parent=self,
        )
        volume = cloud.volume(
            name,
            VolumeNeeds(size_gib=settings.data.volume_gib, protected=settings.data.protected),
            parent=self,
        )
        bucket = backup_bucket.bucket(name, cloud, settings, network, self)
        secrets = backup_bucket.secrets(name, SECRETS, settings, self)
        plan = cloud.server_plan(server_plan_name(cloud, settings))
        host = AppHost(
            f"{name}-app",
            cloud=cloud,
            settings=settings,
            release=release,
            network=network,
            volume=volume,
            bucket=storage.bucket(name, cloud, settings, network, self),
            secrets=secrets,
            database=_postgres_here(settings, plan.memory_mib, bucket, secrets),
            opts=child,
        )
        self.outputs = {
            outputs.STAGE: 1,
            outputs.CLOUD: cloud.name,
            **host.outputs,
            outputs.DATABASE_HOST: pgbouncer.POSTGRES_SOCKET,
        }
        self.register_outputs(self.outputs)


def _postgres_here(
    settings: Settings,
    memory_mib: int,
    bucket: pulumi.Input[backups.Bucket] | None,
    secrets: GeneratedSecrets,
) -> AppDatabase:
    """PostgreSQL on the host itself, reached over its socket by ``peer``: no password exists."""
    version = settings.database.version
    statement_timeout_s = settings.database.statement_timeout_s
    own = pgbouncer.upstream_socket(statement_timeout_s=statement_timeout_s)
    return AppDatabase(
        parts=(
            *([_restored(settings)] if bucket and settings.database.restore_from else []),
            postgres.postgres(
                version=version,
                memory_mib=memory_mib,
                volume_gib=settings.data.volume_gib,
                archive_command=backups.ARCHIVE if bucket else "",
            ),
            samples.samples(version=version, memory_mib=memory_mib),
            *([] if settings.database.promoted_to else [Part(files=(own,))]),
            *([_backups(settings), _file_backups(settings)] if bucket else []),
        ),
        secret_files=_secret_files(settings, bucket, secrets),
        sizes=postgres.pool_sizes(settings.database.pool_size),
        managed=False,
        promoted=bool(settings.database.promoted_to),
        # The old database is left as the promotion left it.
        bootstrap=None if settings.database.promoted_to else DatabaseStep(run_as="postgres"),
        bootstrap_secrets={
            "sql": bootstrap_sql(managed=False, statement_timeout_s=statement_timeout_s)
        },
        shutdown=(
            *((*backups.SHUTDOWN, *file_backups.SHUTDOWN) if bucket else ()),
            *postgres.shutdown(version),
        ),
    )


def _secret_files(
    settings: Settings, bucket: pulumi.Input[backups.Bucket] | None, secrets: GeneratedSecrets
) -> pulumi.Output[Sequence[HostFile]]:
    promoted_to = settings.database.promoted_to
    kinds = [
        *([_promoted(promoted_to)] if promoted_to else []),
        *([_backup_files(settings, bucket, secrets)] if bucket else []),
    ]
    return pulumi.Output.all(*kinds).apply(lambda known: list(itertools.chain(*known)))


def _promoted(to: str) -> pulumi.Output[Sequence[HostFile]]:
    """Where the pooler finds the database of the stack that this one was promoted to."""
    other = pulumi.StackReference(f"organization/{pulumi.get_project()}/{to}")

    def files(of: dict[str, dict[str, str]] | None) -> Sequence[HostFile]:
        if of is None:
            raise UserError(
                f"stages:database.promoted_to: should be a stack that is up, got {to}",
                "Bring it up; or remove the line, and the app runs here, on its own database.",
            )
        return [HostFile(path=path, **file) for path, file in of.items()]

    return pulumi.Output.secret(other.get_output(outputs.UPSTREAM).apply(files))


def _backups(settings: Settings) -> Part:
    return backups.backups(
        version=settings.database.version,
        mount=MOUNT,
        volume_gib=settings.data.volume_gib,
        hour=settings.backups.hour,
    )


def _file_backups(settings: Settings) -> Part:
    """Uploads and certificates; the database has a program of its own."""
    return file_backups.file_backups(
        folders=(app.storage(MOUNT), certificate.store(MOUNT)),
        mount=MOUNT,
        hour=settings.backups.hour,
        keep_days=settings.backups.keep_days,
    )


def _restored(settings: Settings) -> Part:
    wanted = settings.database.restore_from or ""
    return backups.restored(
        f"at {wanted}" if "T" in wanted else wanted,  # a time, of which no id has the letter
        version=settings.database.version,
        mount=MOUNT,
    )


def _backup_files(
    settings: Settings, bucket: pulumi.Input[backups.Bucket], secrets: GeneratedSecrets
) -> pulumi.Output[Sequence[HostFile]]:
    def files(known: dict[str, Any]) -> Sequence[HostFile]:
        bucket, passphrase = known["bucket"], known["passphrase"]
        path = settings.stack
        return (
            *backups.files(
                bucket,
                version=settings.database.version,
                mount=MOUNT,
                path=path,
                passphrase=passphrase,
                keep_days=settings.backups.keep_days,
            ),
            file_backups.environment(bucket, path=f"{path}-files", passphrase=passphrase),
        )

    passphrase = secrets.value(backup_bucket.PASSPHRASE)
    return pulumi.Output.secret(
        pulumi.Output.all(bucket=bucket, passphrase=passphrase).apply(files)
    )
