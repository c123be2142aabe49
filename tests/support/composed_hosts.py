"""The two hosts of the two stages, put together from their parts with fixed example values.

Golden files and linters look at the same hosts. The values are examples; how a stage composes the
parts is the business of ``components/stages``.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.host import (
    access,
    app,
    backups,
    base,
    bootstrap,
    certificate,
    cloud_init,
    data_volume,
    dumps,
    file_backups,
    firewall,
    memory,
    nginx,
    packages,
    pgbouncer,
    pool,
    postgres,
    samples,
    valkey,
    variables,
)
from components.host.model import HostFile, Part

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBCnkgYCz4nWzBYNoAvJr1pJZ2aHAFmTWcVEB6MIhAZh you@laptop"
SSH_CIDRS = ("203.0.113.0/24", "2001:db8::/32")
DEVICE = "/dev/disk/by-id/virtio-data"
PASSWORD = "example'password"
PASSPHRASE = "example-passphrase"
BUCKET = backups.Bucket(
    endpoint="https://s3.example.com",
    name="shop-backups",
    region="eu-1",
    key_id="example-key",
    secret="example-secret",
)
QUEUE_PASSWORD = "example-queue-password"
POOL_PASSWORD = "example-pool-password"
CA = "-----BEGIN CERTIFICATE-----\nexample\n-----END CERTIFICATE-----"


@dataclass(frozen=True, kw_only=True)
class ComposedHost:
    """Everything that one host is given."""

    boot_document: str
    parts: tuple[Part, ...]
    late_files: tuple[HostFile, ...] = ()
    secret_files: tuple[HostFile, ...]
    sql: str

    def files(self) -> dict[str, HostFile]:
        """All files by path, as the host configuration sends them."""
        every = [file for part in self.parts for file in part.files]
        return {file.path: file for file in (*every, *self.late_files, *self.secret_files)}


def single_server(
    memory_mib: int = 2048,
    address: str = "example",
    bucket: backups.Bucket | None = BUCKET,
    restore_from: str = "",
) -> ComposedHost:
    """Stage 1: everything on one host; without a bucket there are no backups."""
    sizes = postgres.pool_sizes(None)
    return ComposedHost(
        boot_document=boot_document(volume_device=DEVICE, with_postgres=True),
        parts=(
            *_before(memory_mib, database_here=True),
            *(
                [backups.restored(restore_from, version=17, mount=data_volume.MOUNT)]
                if restore_from
                else []
            ),
            postgres.postgres(
                version=17,
                memory_mib=memory_mib,
                volume_gib=10,
                archive_command=backups.ARCHIVE if bucket else "",
            ),
            samples.samples(version=17, memory_mib=memory_mib),
            *([_backups(), _file_backups()] if bucket else []),
            Part(files=(pgbouncer.upstream_socket(),)),
            *_after(sizes, managed=False),
        ),
        secret_files=(
            *_secrets(address),
            *(
                (
                    *backups.files(
                        bucket,
                        version=17,
                        mount=data_volume.MOUNT,
                        path="shop",
                        passphrase=PASSPHRASE,
                        keep_days=14,
                    ),
                    file_backups.environment(bucket, path="shop-files", passphrase=PASSPHRASE),
                )
                if bucket
                else ()
            ),
        ),
        sql=bootstrap.bootstrap_sql(managed=False),
    )


def _file_backups() -> Part:
    return file_backups.file_backups(
        folders=(app.storage(data_volume.MOUNT), certificate.store(data_volume.MOUNT)),
        mount=data_volume.MOUNT,
        hour=3,
        keep_days=14,
    )


def _backups() -> Part:
    return backups.backups(version=17, mount=data_volume.MOUNT, volume_gib=10, hour=3)


def separate_database(memory_mib: int = 2048, ca_pem: str = CA) -> ComposedHost:
    """Stage 2: the app's host; the database is elsewhere."""
    sizes = pool.pool_sizes(limit=25, reserved=3, wanted=None, backups=pool.BACKUPS)
    upstream = pgbouncer.upstream_managed(host="10.82.0.64", port=5432, password=PASSWORD)
    return ComposedHost(
        boot_document=boot_document(volume_device=None, with_postgres=False),
        parts=(
            *_before(memory_mib, database_here=False),
            dumps.dumps(version=17, hour=3, keep_days=14, storage_gib=20),
            *_after(sizes, managed=True),
        ),
        late_files=(pgbouncer.server_ca(ca_pem), dumps.database_ca(ca_pem)),
        secret_files=(
            upstream,
            *_secrets(),
            *dumps.files(
                BUCKET,
                path="shop-dumps",
                passphrase=PASSPHRASE,
                host="10.82.0.64",
                port=5432,
                password=PASSWORD,
            ),
        ),
        sql=bootstrap.bootstrap_sql(managed=True, copies=dumps.COPIES),
    )


def boot_document(
    *,
    volume_device: str | None,
    with_postgres: bool,
    ssh_keys: tuple[str, ...] = (KEY,),
    ssh_cidrs: tuple[str, ...] = SSH_CIDRS,
    host_key: str | None = None,
) -> str:
    return cloud_init.boot_document(
        login="ops",
        ssh_keys=ssh_keys,
        packages=packages.SYSTEM_PACKAGES + packages.SERVICE_PACKAGES,
        ssh_cidrs=ssh_cidrs,
        volume_device=volume_device,
        postgres=with_postgres,
        host_key=host_key,
    )


def _before(memory_mib: int, *, database_here: bool) -> tuple[Part, ...]:
    shares = memory.shares(memory_mib, database_here=database_here)
    mount = data_volume.MOUNT if database_here else None
    return (
        base.base(login="ops"),
        access.access(login="ops", ssh_keys=(KEY,)),
        firewall.firewall(ssh_cidrs=SSH_CIDRS),
        app.app(memory=shares, mount=mount),
        valkey.valkey(memory_mib=shares.valkey_mib, mount=mount),
    )


def _after(sizes: pool.PoolSizes, *, managed: bool) -> tuple[Part, ...]:
    return (
        pgbouncer.pgbouncer(pool_mode="transaction", sizes=sizes, managed=managed),
        nginx.nginx(web_ports=app.web_ports(2)),
    )


def _secrets(address: str = "example") -> tuple[HostFile, ...]:
    return (
        valkey.password_file(QUEUE_PASSWORD),
        pgbouncer.users_file(POOL_PASSWORD),
        *_environment(address),
        app.gate_file(processes=2, health_path="/health", host=address, https=False),
        nginx.forwarded_host(address),
    )


def _environment(address: str) -> tuple[HostFile, ...]:
    known = variables.variables(
        secret_key="example-secret-key",
        pool_password=POOL_PASSWORD,
        scheme="postgresql",
        replicas=False,
        redis_url=valkey.url(QUEUE_PASSWORD),
        host=address,
        web_concurrency=2,
        stack={},
    )
    return app.environment_files({"GREETING": 'say "hello" for $5'}, known)
