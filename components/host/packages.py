"""The Debian packages of a host, in one list: the boot document asks for them, the local cloud's
image holds them already.
"""

from __future__ import annotations

SYSTEM_PACKAGES = (
    "acl",
    "ca-certificates",
    "cloud-init",
    "curl",
    "dbus",
    "e2fsprogs",
    "iproute2",
    "libpam-systemd",
    "nftables",
    "openssh-server",
    "openssl",
    "procps",
    "sudo",
    "systemd",
    "systemd-sysv",
    "tzdata",
    "unattended-upgrades",
    "zstd",
)
"""What every host needs before anything of the app."""

SERVICE_PACKAGES = (
    "certbot",
    "nginx-light",
    "pgbackrest",
    "pgbouncer",
    "postgresql-17",
    "postgresql-client-17",
    "restic",
    "valkey-server",
    "valkey-tools",
)
"""The services of both stages; each stays disabled until its configuration is in place."""

APP_PACKAGES = (
    "gunicorn",
    "python3-celery",
    "python3-django",
    "python3-psycopg",
    "python3-redis",
)
"""What the sample app runs on, so that it comes up without a package index."""

IMAGE_PACKAGES = SYSTEM_PACKAGES + SERVICE_PACKAGES + APP_PACKAGES
"""Everything in the local cloud's host image."""
