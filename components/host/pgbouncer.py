"""PgBouncer: the one way from the app to its database, in stage 1 as in stage 2.

It runs as a user of its own. The app reaches it at 127.0.0.1 with a password of the stack, in the
form of address that every framework reads (over TLS if it insists), or over a unix socket that only
the group ``app`` can open, where it is known by its OS user (``peer``). The password is the pool's
alone: the database has another one, or none. Two aliases: ``app`` in the chosen pool mode and
``app_direct`` in session mode.

Its configuration is in three files, by what a change takes: ``pgbouncer.ini`` holds what only a
restart changes (a restart removes the socket and waits for running queries), ``settings.ini`` and
``databases.ini`` what a reload changes. The sizes of the pool are in ``settings.ini``, which is no
secret, so that a preview shows them; ``databases.ini`` may hold the database's password.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from components.host import ids
from components.host.agent import admin_sql, promotion_sql
from components.host.model import Directory, HostFile, Part, Service, SystemUser
from components.host.pool import DIRECT as DIRECT_CONNECTIONS
from components.host.pool import RELEASE as RELEASE_CONNECTIONS
from components.host.pool import PoolSizes
from components.host.rendering import plain, render

FOLDER = "/etc/pgbouncer"
INI = f"{FOLDER}/pgbouncer.ini"
SETTINGS = f"{FOLDER}/settings.ini"
DATABASES = f"{FOLDER}/databases.ini"
HBA = f"{FOLDER}/pg_hba.conf"
USERS = f"{FOLDER}/userlist.txt"
SERVER_CA = f"{FOLDER}/server-ca.pem"
CLIENT_PEM = f"{FOLDER}/client-tls.pem"
"""Key and self-signed certificate for clients that insist on TLS, made on the host."""
UNIT = "pgbouncer.service"
DROP_IN = f"/etc/systemd/system/{UNIT}.d/50-stages.conf"
CERTIFICATE = "/usr/local/lib/stages/pgbouncer-certificate"
CHECK = "/usr/local/lib/stages/pgbouncer-check"

POSTGRES_SOCKET = "/var/run/postgresql"
"""Folder of PostgreSQL's own socket, where it runs on the same host."""
SOCKET_FOLDER = "/run/pgbouncer"
PORT = 6432
SOCKET_URL = f"postgresql://app@/app?host={SOCKET_FOLDER}&port={PORT}"
"""The pool over the socket, for the OS user ``app`` alone, without a password."""
DIRECT_SOCKET_URL = f"postgresql://app@/app_direct?host={SOCKET_FOLDER}&port={PORT}"
"""Session mode over the socket."""
DIRECT = "app_direct"
"""Alias in session mode, four connections: LISTEN, advisory locks, commands by hand."""
RELEASE = "app_release"
"""Alias in session mode for the release command alone, which LISTEN on ``app_direct`` cannot block.
Each session gives up on a lock that it does not get in ``LOCK_TIMEOUT_S``."""
LOCK_TIMEOUT_S = 5
"""While a migration waits for a lock on a table, all queries to that table wait behind it."""
READ = "app_read"
"""The read replicas, where there are any. Each new server connection goes to the next of them; one
that does not answer is tried again in its turn, and clients wait meanwhile."""
LAG = "/usr/local/lib/stages/replica-lag"

MAX_CLIENTS = 1000
"""Client connections; each takes a descriptor of the unit's 65536."""

PSQL = admin_sql.PSQL

ADMIN = f"-h {SOCKET_FOLDER} -p {PORT} -U pgbouncer -d pgbouncer"
"""psql's words for the pooler's own console, open to its OS user."""
RECONNECT = (
    f"setpriv --reuid=pgbouncer --regid=pgbouncer --init-groups {PSQL} -Xqw {ADMIN} -c RECONNECT"
)
"""Shell command for root: each connection to the database is closed as soon as its transaction (or
session, in session mode) has ended, and a new one takes its place. No client notices."""

PoolMode = Literal["transaction", "session", "statement"]
Scheme = Literal["postgresql", "postgres"]


def url(password: str, *, alias: str = "app", scheme: Scheme = "postgresql") -> str:
    """Return an address with host and password: the only form that every client reads."""
    return f"{scheme}://app:{password}@127.0.0.1:{PORT}/{alias}"


def users_file(password: str) -> HostFile:
    """What PgBouncer knows its clients by. It is beside the part, for it is secret.

    Only the app has a password, for TCP; the pooler's own user comes in by ``peer`` alone.
    ``password`` should be of the URL-safe alphabet.
    """
    if '"' in password or not password.isprintable():
        raise ValueError("the pool's password should be printable text without a quotation mark")
    return _file(USERS, f'"app" "{password}"\n"pgbouncer" ""\n')


def upstream_socket(*, statement_timeout_s: int | None = None) -> HostFile:
    """Stage 1: PostgreSQL on the same host, over its socket, by ``peer``. No secret."""
    return _databases(server=f"host={POSTGRES_SOCKET}", statement_timeout_s=statement_timeout_s)


def upstream_managed(
    *,
    host: str,
    port: int,
    password: str,
    read_hosts: Sequence[str] = (),
    sizes: PoolSizes | None = None,
    statement_timeout_s: int | None = None,
) -> HostFile:
    """Stage 2: a managed database over TLS. The password is in the file: treat it as secret.

    ``sizes`` go before those of ``settings.ini``.
    """
    if not password or not password.isprintable():
        raise ValueError("the database's password should be printable text in one line")
    for name in (host, *read_hosts):
        if not name.replace("-", "").replace(".", "").replace(":", "").isalnum():
            raise ValueError(f"the database's host should be a name or an address, got {name!r}")
    way = f"port={int(port)} password={_quoted(password)}"
    return _databases(
        server=f"host={host} {way}",
        readers=[f"host={name} {way}" for name in read_hosts],
        every_reader=f"host={','.join(read_hosts)} {way}",
        sizes=sizes,
        statement_timeout_s=statement_timeout_s,
    )


def upstream_promoted(
    sizes: PoolSizes, *, password: str, ca_pem: str, statement_timeout_s: int | None = None
) -> tuple[HostFile, ...]:
    """Stage 1 after a promotion: the database of stage 2, through the tunnel's end on this host.

    Half of the other pool, for both servers share the database's connections.
    """
    databases = upstream_managed(
        host="127.0.0.1",
        port=promotion_sql.TUNNEL_PORT,
        password=password,
        sizes=PoolSizes(pool=max(2, sizes.pool // 2), reserve=1, direct=2, release=1),
        statement_timeout_s=statement_timeout_s,
    )
    return databases, server_ca(ca_pem)


def server_ca(pem: str) -> HostFile:
    """The authority that signed the certificates of a managed database and its read replicas."""
    return HostFile(path=SERVER_CA, content=pem.strip() + "\n")


def pgbouncer(
    *,
    pool_mode: PoolMode,
    sizes: PoolSizes,
    managed: bool,
    promoted: bool = False,
    replicas: int = 0,
    statement_timeout_s: int | None = None,
) -> Part:
    """Return the pooler. Its upstream and its users are secret and passed beside the part.

    ``promoted``: a stage 1 server whose database is behind a tunnel (``upstream_promoted``).
    ``replicas`` is how many read replicas the upstream has. ``statement_timeout_s`` is that of the
    role: sessions of ``app_direct`` have none, unless ``app`` is in session mode too.

    The user ``app`` has to come from an earlier part: its group opens the socket.
    """
    return Part(
        packages=("openssl", "pgbouncer", "postgresql-client-17"),
        users=(SystemUser(name="pgbouncer", uid=ids.PGBOUNCER, groups=("app",)),),
        directories=(Directory(path=FOLDER, mode="0750", group="pgbouncer"),),
        files=(
            _file(
                INI,
                render(
                    "pgbouncer/pgbouncer.ini.j2",
                    socket=SOCKET_FOLDER,
                    port=PORT,
                    max_clients=MAX_CLIENTS,
                ),
            ),
            _file(
                SETTINGS,
                render(
                    "pgbouncer/settings.ini.j2",
                    pool_mode=pool_mode,
                    sizes=sizes,
                    managed=managed or promoted,
                    # The tunnel's end has another name than the database.
                    tls="verify-ca" if promoted else "verify-full",
                    max_clients=MAX_CLIENTS,
                    ca_file=SERVER_CA,
                    client_pem=CLIENT_PEM,
                    timeout_of_the_pool_alone=statement_timeout_s and pool_mode != "session",
                ),
            ),
            _file(HBA, plain("pgbouncer/pg_hba.conf")),
            HostFile(
                path=CERTIFICATE,
                content=render("pgbouncer/pgbouncer-certificate.sh.j2", pem=CLIENT_PEM),
                mode="0755",
            ),
            HostFile(path=CHECK, content=plain("pgbouncer/pgbouncer-check.sh"), mode="0755"),
            HostFile(path=DROP_IN, content=plain("pgbouncer/pgbouncer.service.conf")),
            *_lag(replicas),
        ),
        services=(
            Service(
                unit=UNIT,
                reload_on=(SETTINGS, DATABASES, HBA, USERS, SERVER_CA),
                restart_on=(INI, DROP_IN),
                check=f"{CERTIFICATE} && {CHECK}",
                # Through the pool to the database: an unreachable one, a wrong password or an
                # unverified certificate is seen here, and the old files come back. On a new
                # connection, which has the role's settings of now.
                ready=f"{RECONNECT} && runuser -u app -- {PSQL} -XwAtq -c 'select 1'"
                f" '{SOCKET_URL}&connect_timeout=5'",
                after_database=True,
            ),
        ),
    )


def shutdown() -> tuple[str, ...]:
    """Commands once the app has stopped: give the server connections back."""
    return (f"systemctl stop {UNIT}",)


def _databases(
    *,
    server: str,
    readers: Sequence[str] = (),
    every_reader: str = "",
    sizes: PoolSizes | None = None,
    statement_timeout_s: int | None,
) -> HostFile:
    content = render(
        "pgbouncer/databases.ini.j2",
        server=server,
        sizes=sizes,
        direct=sizes.direct if sizes else DIRECT_CONNECTIONS,
        release=sizes.release if sizes else RELEASE_CONNECTIONS,
        readers=readers,
        every_reader=every_reader,
        statement_timeout_s=statement_timeout_s,
        lock_timeout_s=LOCK_TIMEOUT_S,
    )
    return _file(DATABASES, content)


def _lag(replicas: int) -> tuple[HostFile, ...]:
    if not replicas:
        return ()
    content = render(
        "pgbouncer/replica-lag.sh.j2",
        psql=PSQL,
        replicas=range(1, replicas + 1),
        socket=SOCKET_FOLDER,
        port=PORT,
    )
    return (HostFile(path=LAG, content=content, mode="0755"),)


def _file(path: str, content: str) -> HostFile:
    """A file that PgBouncer reads and no other user does."""
    return HostFile(path=path, content=content, mode="0640", group="pgbouncer")


def _quoted(value: str) -> str:
    """Quote a value of a connection string the way PgBouncer reads it: a quote is doubled."""
    return "'" + value.replace("'", "''") + "'"
