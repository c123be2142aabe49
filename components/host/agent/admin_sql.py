"""How SQL runs with more rights than the app's: the only way there is, on every host.

In its own database the app may define functions, operators, casts and settings. A superuser's
session that enters that database, or resolves a name through a schema that the app can write, runs
the app's code with the superuser's rights. So each such session

- stays in a database that the app does not own (no ``\\connect``),
- has ``search_path=pg_catalog,pg_temp`` from its first statement: as an option of the connection it
  goes before ``ALTER ROLE SET`` and ``ALTER DATABASE SET``, so objects elsewhere need their schema.
  Unless it is named, ``pg_temp`` goes first. Other settings that would change an answer, or end the
  session, are fixed in the same way,
- reads no ``~/.psqlrc`` and no environment of whoever started it.

``tests/unit/host/test_admin_sql.py`` refuses any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

PSQL = "/usr/lib/postgresql/17/bin/psql"
"""Not ``/usr/bin/psql``: Debian's wrapper looks for a cluster on the host first."""
SOCKET = "/run/postgresql"
CONNECT_TIMEOUT_S = 10
"""A database that drops packets is given up after this time; libpq itself would wait for ever."""

OPTIONS = ("-X", "-w", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse")
_PINNED = {
    "PGOPTIONS": "-c search_path=pg_catalog,pg_temp -c quote_all_identifiers=off"
    " -c statement_timeout=0 -c default_transaction_read_only=off",
    "PGCONNECT_TIMEOUT": str(CONNECT_TIMEOUT_S),
}


def client(binary: str = PSQL) -> list[str]:
    """The command of a session that nothing but its own options pins to a server and database."""
    pinned = [f"{name}={value}" for name, value in _PINNED.items()]
    return ["env", "-i", *pinned, binary, *OPTIONS]


def psql(binary: str = PSQL) -> list[str]:
    """The command of OS user ``postgres`` for a superuser's session over the local socket."""
    return [*client(binary), "-h", SOCKET, "-d", "postgres"]


def as_postgres() -> list[str]:
    """The same command for root. SQL follows with ``-c``, or on standard input with ``-f -``."""
    return ["runuser", "-u", "postgres", "--", *psql()]


def as_admin(connection: Mapping[str, str], secret: str = "") -> tuple[list[str], dict[str, str]]:
    """Command and environment for the admin of a managed database.

    ``connection`` holds libpq's variables (``PGHOST``, ``PGPASSWORD``, ...). ``secret`` is
    ``current_setting('stages.secret')`` in the session: a statement that names it there is logged
    without it.
    """
    # In an encoding of the app's choice, a quoted name of its own would end elsewhere.
    environment = {**connection, **_PINNED, "PGCLIENTENCODING": "UTF8"}
    if secret:
        escaped = re.sub(r"([\\\s])", r"\\\1", secret)
        environment["PGOPTIONS"] += f" -c stages.secret={escaped}"
    return [PSQL, *OPTIONS], environment
