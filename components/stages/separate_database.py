"""Stage 2, separate database, 100 to 1,000 users, $50-100 a month more than stage 1.

An app server runs Nginx, the app's web processes and worker, Valkey and PgBouncer; a managed
PostgreSQL is on the private network, reached by that server alone and over verified TLS. The
server keeps no state: it may be replaced while the app answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components import outputs
from components.host import backups, bootstrap, dumps, pgbouncer, pool
from components.host.agent.promotion_tunnel import SUBSCRIBER_PORT
from components.host.model import DatabaseStep, HostFile, Part
from components.host.pool import PoolSizes, pool_sizes
from components.release import ResolvedRelease
from components.remote import document
from components.resources.secrets import GeneratedSecrets
from components.seam.cloud import Cloud, DatabaseAnswer, DatabaseNeeds, NetworkNeeds
from components.settings import Settings
from components.stages import backup_bucket, storage
from components.stages.app_contents import SECRETS
from components.stages.app_database import AppDatabase
from components.stages.app_host import AppHost

ADMIN_PASSWORD = "database-admin-password"  # noqa: S105 - the name of a generated secret
APP_PASSWORD = "database-app-password"  # noqa: S105 - the name of a generated secret


class SeparateDatabase(pulumi.ComponentResource):
    """An app server and a managed PostgreSQL on a private network."""

    outputs: dict[str, pulumi.Input[Any]]

    def __init__(
        self,
        name: str,
        cloud: Cloud,
        settings: Settings,
        release: ResolvedRelease,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("stages:separate_database:SeparateDatabase", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        plan = cloud.database_plan(settings.database.plan or cloud.default_database_plan())
        sizes = pool_sizes(
            limit=plan.connection_limit,
            reserved=plan.reserved_connections,
            wanted=settings.database.pool_size,
            backups=0 if settings.backups.off else pool.BACKUPS,
        )
        secrets = backup_bucket.secrets(
            name, (*SECRETS, ADMIN_PASSWORD, APP_PASSWORD), settings, self
        )
        network = cloud.network(
            name,
            NetworkNeeds(
                cidr=settings.network.cidr,
                private_database=True,
                ssh_cidrs=settings.access.ssh_cidrs,
                subscriber_port=SUBSCRIBER_PORT if settings.database.subscribes else None,
            ),
            parent=self,
        )
        database = cloud.database(
            name,
            DatabaseNeeds(
                plan=plan.name,
                version=settings.database.version,
                storage_gib=settings.database.storage_gib,
                standby=settings.database.standby,
                read_replicas=settings.database.read_replicas,
                protected=settings.data.protected,
                admin_password=secrets.value(ADMIN_PASSWORD),
            ),
            network,
            parent=self,
        )
        host = AppHost(
            f"{name}-app",
            cloud=cloud,
            settings=settings,
            release=release,
            network=network,
            volume=None,
            secrets=secrets,
            bucket=storage.bucket(name, cloud, settings, network, self),
            database=_managed(
                settings,
                database,
                sizes,
                secrets,
                backup_bucket.bucket(name, cloud, settings, network, self),
            ),
            opts=child,
        )
        self.outputs = {
            outputs.STAGE: 2,
            outputs.CLOUD: cloud.name,
            **host.outputs,
            outputs.DATABASE_HOST: database.host,
            outputs.UPSTREAM: _for_a_promoted(
                database, sizes, secrets, settings.database.statement_timeout_s
            ),
        }
        self.register_outputs(self.outputs)


def _for_a_promoted(
    database: DatabaseAnswer,
    sizes: PoolSizes,
    secrets: GeneratedSecrets,
    statement_timeout_s: int | None,
) -> pulumi.Output[dict[str, dict[str, str]]]:
    """The pooler's files of the stage 1 stack that is promoted to this one."""

    def files(of: Mapping[str, Any]) -> dict[str, dict[str, str]]:
        return document.files(
            pgbouncer.upstream_promoted(
                sizes,
                password=of["password"],
                ca_pem=of["ca_pem"],
                statement_timeout_s=statement_timeout_s,
            )
        )

    known = pulumi.Output.all(password=secrets.value(APP_PASSWORD), ca_pem=database.ca_pem)
    return pulumi.Output.secret(known.apply(files))


def _managed(
    settings: Settings,
    database: DatabaseAnswer,
    sizes: PoolSizes,
    secrets: GeneratedSecrets,
    bucket: pulumi.Input[backups.Bucket] | None,
) -> AppDatabase:
    """A managed database: TLS verified in full, the app's password with the pooler and backups."""
    statement_timeout_s = settings.database.statement_timeout_s
    known = pulumi.Output.all(
        host=database.host,
        port=database.port,
        read_hosts=list(database.read_hosts),
        admin_user=database.admin_user,
        admin_password=database.admin_password,
        app_password=secrets.value(APP_PASSWORD),
        bucket=bucket,
        passphrase=secrets.value(backup_bucket.PASSPHRASE),
    )

    def files(of: Mapping[str, Any]) -> Sequence[HostFile]:
        databases = pgbouncer.upstream_managed(
            host=of["host"],
            port=int(of["port"]),
            password=of["app_password"],
            read_hosts=of["read_hosts"],
            statement_timeout_s=statement_timeout_s,
        )
        return [databases, *(_backup_files(settings, of) if of["bucket"] else ())]

    def step(of: Mapping[str, Any]) -> dict[str, Any]:
        sql = bootstrap.bootstrap_sql(
            managed=True,
            statement_timeout_s=statement_timeout_s,
            copies=dumps.COPIES if bucket else (),
        )
        return {
            "sql": bootstrap.password(of["app_password"]) + sql,
            "connection": {
                "PGHOST": of["host"],
                "PGPORT": str(int(of["port"])),
                "PGUSER": of["admin_user"],
                "PGPASSWORD": of["admin_password"],
                "PGDATABASE": database.admin_database,
                "PGSSLMODE": "verify-full",
                "PGSSLROOTCERT": pgbouncer.SERVER_CA,
            },
        }

    def authorities(pem: str) -> Sequence[HostFile]:
        return [pgbouncer.server_ca(pem), *([dumps.database_ca(pem)] if bucket else [])]

    return AppDatabase(
        parts=(_backups(settings),) if bucket else (),
        late_files=pulumi.Output.from_input(database.ca_pem).apply(authorities),
        secret_files=known.apply(files),
        sizes=sizes,
        managed=True,
        replicas=len(database.read_hosts),
        bootstrap=DatabaseStep(run_as="root"),
        bootstrap_secrets=known.apply(step),
        shutdown=backups.SHUTDOWN if bucket else (),
    )


def _backups(settings: Settings) -> Part:
    return dumps.dumps(
        version=settings.database.version,
        hour=settings.backups.hour,
        keep_days=settings.backups.keep_days,
        storage_gib=settings.database.storage_gib,
    )


def _backup_files(settings: Settings, of: Mapping[str, Any]) -> Sequence[HostFile]:
    return dumps.files(
        of["bucket"],
        path=f"{settings.stack}-dumps",
        passphrase=of["passphrase"],
        host=of["host"],
        port=int(of["port"]),
        password=of["app_password"],
    )
