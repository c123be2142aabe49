"""What the app can find out about the way to its database."""

import pwd
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection

HEALTH_TIMEOUT_S = 5
"""A pooler keeps a query waiting for minutes while its database is away; a check must not."""

READER = "SELECT host(inet_server_addr()), pg_is_in_recovery()"
SERVER = """
SELECT current_setting('server_version'), current_database(), current_user, pg_backend_pid(),
       host(inet_server_addr()), inet_server_port(), host(client_addr), ssl.version, ssl.cipher
FROM pg_stat_activity JOIN pg_stat_ssl ssl USING (pid) WHERE pid = pg_backend_pid()
"""


def database_problem() -> str | None:
    """Return why the database does not answer at DATABASE_URL within 5 s, or None if it does."""
    return _ask(settings.DATABASE_URL, "SELECT 1")[0]


def replica() -> dict[str, object] | None:
    """Describe who answers at READ_DATABASE_URL; None where there are no read replicas."""
    if not settings.READ_DATABASE_URL:
        return None
    problem, row = _ask(settings.READ_DATABASE_URL, READER)
    address, read_only = row or (None, None)
    return {"problem": problem, "server_address": address, "read_only": read_only}


def _ask(url: str, query: str) -> tuple[str | None, tuple[object, ...] | None]:
    """Ask for one row on a connection of its own; return why it did not come, and the row."""
    late = threading.Event()
    try:
        with (
            closing(psycopg.connect(url, connect_timeout=3)) as database,
            _hang_up_after(HEALTH_TIMEOUT_S, database, late),
        ):
            database.autocommit = True
            return None, database.execute(query).fetchone()
    except psycopg.Error as error:
        if late.is_set():
            return f"no answer in {HEALTH_TIMEOUT_S} s", None
        return " ".join(str(error).split()) or type(error).__name__, None


@contextmanager
def _hang_up_after(
    seconds: float, database: psycopg.Connection[tuple[object, ...]], late: threading.Event
) -> Iterator[None]:
    """Close the connection's socket after ``seconds``: psycopg has no time limit for a query, and
    its own cancel asks the server that does not answer."""

    def hang_up() -> None:
        late.set()
        wire.shutdown(socket.SHUT_RDWR)

    # A copy of the descriptor: the timer cannot hit a later file that got the same number.
    with socket.fromfd(database.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as wire:
        timer = threading.Timer(seconds, hang_up)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def database() -> dict[str, object]:
    """Describe the database server, as it sees this connection."""
    with connection.cursor() as cursor:
        cursor.execute(SERVER)
        version, name, role, pid, address, port, client, tls, cipher = cursor.fetchone()
    return {
        "version": version.split()[0],  # Without the distribution in brackets.
        "name": name,
        "role": role,
        "server_address": address,
        "server_port": port,
        "client_address": client,
        "tls": {"version": tls, "cipher": cipher} if tls else None,
        "server_pid": pid,
    }


def pooler(server_pid: int) -> dict[str, object]:
    """Describe who is at the other end of this connection.

    PostgreSQL announces at login the very process that runs the queries. PgBouncer announces a
    number of its own, because the process changes: two different numbers are a pooler's mark.
    """
    connection.ensure_connection()
    link = connection.connection
    return {
        "path": f"{link.info.host}:{link.info.port}",
        "announced_pid": link.info.backend_pid,
        "pooled": link.info.backend_pid != server_pid,
        "answered_by": _listener(link.fileno()),
    }


def _listener(descriptor: int) -> dict[str, object] | None:
    """Return the process that listens on the other end of a unix socket, None for TCP."""
    with socket.fromfd(descriptor, socket.AF_UNIX, socket.SOCK_STREAM) as link:
        if link.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) != socket.AF_UNIX:
            return None
        credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid, uid, _ = struct.unpack("3i", credentials)
    user = str(uid)
    with suppress(KeyError):
        user = pwd.getpwuid(uid).pw_name
    command = None
    with suppress(OSError):  # A hardened unit may not see other users' processes.
        command = Path(f"/proc/{pid}/comm").read_text().strip()
    return {"pid": pid, "user": user, "command": command}
