"""The app's variables that the host knows: addresses, and what frameworks read by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.host import pgbouncer
from components.host.memory import MemoryShares

PROCESS_MIB = 256
"""Memory of a process of a web server that forks, as Heroku's ``WEB_CONCURRENCY`` counts it."""


@dataclass(frozen=True, kw_only=True)
class Variables:
    """Variables by who may replace them."""

    host: Mapping[str, str]
    """No setting may: the host and other settings rely on them."""
    conventions: Mapping[str, str]
    """The settings go before them."""
    release: Mapping[str, str]
    """What the Procfile's ``release`` has in place of what is above: the direct database."""


def variables(
    *,
    secret_key: str,
    pool_password: str,
    scheme: pgbouncer.Scheme,
    replicas: bool,
    redis_url: str,
    host: str,
    web_concurrency: int,
    stack: Mapping[str, str],
) -> Variables:
    """Return what the host knows. ``host`` is the name or address that users open; ``stack`` holds
    more of the host's own variables."""

    def url(alias: str = "app") -> str:
        return pgbouncer.url(pool_password, alias=alias, scheme=scheme)

    return Variables(
        host={
            "DATABASE_URL": url(),
            "DATABASE_SOCKET_URL": pgbouncer.SOCKET_URL,
            "DIRECT_DATABASE_URL": url(pgbouncer.DIRECT),
            **({"READ_DATABASE_URL": url(pgbouncer.READ)} if replicas else {}),
            "REDIS_URL": redis_url,
            "STAGES_HOST": host,
            **stack,
        },
        conventions={
            "DJANGO_ALLOWED_HOSTS": f"{host},127.0.0.1,localhost",
            "LANG": "C.UTF-8",
            "NODE_ENV": "production",
            # libpq prefers TLS, and a handshake for each connection protects nothing on one host.
            # What an app says itself (sslmode=require) goes before it.
            "PGSSLMODE": "disable",
            "PYTHONUNBUFFERED": "1",
            "RACK_ENV": "production",
            "RAILS_ENV": "production",
            "RAILS_LOG_TO_STDOUT": "1",
            "RAILS_SERVE_STATIC_FILES": "1",
            "SECRET_KEY": secret_key,
            "SECRET_KEY_BASE": secret_key,
            # Nginx replaces what clients say in these headers, so they can be believed.
            "SERVER_FORWARD_HEADERS_STRATEGY": "native",
            "SPRING_DATA_REDIS_URL": redis_url,
            # Not 1: Puma would start a second process for it.
            **({"WEB_CONCURRENCY": str(web_concurrency)} if web_concurrency > 1 else {}),
            **_jdbc(pool_password),
        },
        release={
            "DATABASE_URL": url(pgbouncer.RELEASE),
            "DIRECT_DATABASE_URL": url(pgbouncer.RELEASE),
            **_jdbc(pool_password, pgbouncer.RELEASE),
        },
    )


def web_concurrency(memory: MemoryShares, web_processes: int) -> int:
    """How many processes each web process of the Procfile may start, by the web's memory."""
    return max(1, memory.web_mib // web_processes // PROCESS_MIB)


def _jdbc(password: str, alias: str = "app") -> dict[str, str]:
    """The same address for Java, which wants user and password beside it, knows nothing of
    ``PGSSLMODE`` and prefers TLS too."""
    address = f"jdbc:postgresql://127.0.0.1:{pgbouncer.PORT}/{alias}"
    return {
        "JDBC_DATABASE_URL": f"{address}?user=app&password={password}&sslmode=disable",
        "SPRING_DATASOURCE_URL": f"{address}?sslmode=disable",
        "SPRING_DATASOURCE_USERNAME": "app",
        "SPRING_DATASOURCE_PASSWORD": password,
    }
