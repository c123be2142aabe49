"""How SQL runs with more rights than the app's: the only way there is, on every host.

In its own database the app may define functions, operators, casts and settings. A superuser's
session that enters that database, or resolves a name through a schema that the app can write, runs
the app's code with the superuser's rights. So each such session

- stays in a database that the app does not own (no ``\\connect``),
- has ``search_path=pg_catalog,pg_temp`` from its first statement: as an option of the connection it
  goes before ``ALTER ROLE SET`` and ``ALTER DATABASE SET``, so objects elsewhere need their schema.
  Unless it is named, ``pg_temp`` goes first. Other settings that would change an answer, or end the
  session, are fixed in the same way (``IN_APP`` where it enters the app's database),
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
_SETTINGS = {
    "search_path": "pg_catalog,pg_temp",
    "quote_all_identifiers": "off",
    "statement_timeout": "0",
    "default_transaction_read_only": "off",
}
"""Of every session."""
IN_APP = {
    "role": "none",
    # A setting that names what is not there, such as a tablespace, is a warning at each login.
    "client_min_messages": "error",
    "lock_timeout": "0",
    "transaction_timeout": "0",
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "tcp_user_timeout": "0",
    "tcp_keepalives_idle": "0",
    "tcp_keepalives_interval": "0",
    "tcp_keepalives_count": "0",
    "client_connection_check_interval": "0",
    "local_preload_libraries": "",
    "default_transaction_isolation": "read committed",
    "row_security": "on",
    "standard_conforming_strings": "on",
}
"""What the app could set for its database (``ALTER DATABASE``) so that a session there is another
role's, ends, or answers something else."""


def client(binary: str = PSQL) -> list[str]:
    """The command of a session that nothing but its own options pins to a server and database."""
    pinned = [f"PGOPTIONS={_options(_SETTINGS)}", f"PGCONNECT_TIMEOUT={CONNECT_TIMEOUT_S}"]
    return ["env", "-i", *pinned, binary, *OPTIONS]


def psql(binary: str = PSQL) -> list[str]:
    """The command of OS user ``postgres`` for a superuser's session over the local socket."""
    return [*client(binary), "-h", SOCKET, "-d", "postgres"]


def as_postgres() -> list[str]:
    """The same command for root. SQL follows with ``-c``, or on standard input with ``-f -``."""
    return ["runuser", "-u", "postgres", "--", *psql()]


def as_admin(connection: Mapping[str, str], secret: str = "") -> tuple[list[str], dict[str, str]]:
    """Command and environment for the admin of a managed database, or another role that enters the
    app's database.

    ``connection`` holds libpq's variables (``PGHOST``, ``PGPASSWORD``, ...). ``secret`` is
    ``current_setting('stages.secret')`` in the session: a statement that names it there is logged
    without it.
    """
    settings = {**_SETTINGS, **IN_APP, **({"stages.secret": secret} if secret else {})}
    # In an encoding of the app's choice, a quoted name of its own would end elsewhere.
    environment = {
        **connection,
        "PGOPTIONS": _options(settings),
        "PGCONNECT_TIMEOUT": str(CONNECT_TIMEOUT_S),
        "PGCLIENTENCODING": "UTF8",
    }
    return [PSQL, *OPTIONS], environment


def pin(role: str) -> str:
    """The SQL that fixes the same for a role's sessions in ``app`` that take no options: those of
    replication."""
    settings = {**_SETTINGS, **IN_APP, "wal_sender_timeout": "60s"}
    return "".join(
        f"ALTER ROLE {role} IN DATABASE app SET {name} = {_quoted(value)};\n"
        for name, value in settings.items()
    )


def _quoted(value: str) -> str:
    """A setting's value, or each of its list, for SQL."""
    return ", ".join(f"'{word}'" for word in value.split(","))


def _options(settings: Mapping[str, str]) -> str:
    """``PGOPTIONS``, in which a blank or backslash of a value is escaped."""
    return " ".join(
        "-c {}={}".format(name, re.sub(r"([\\\s])", r"\\\1", value))
        for name, value in settings.items()
    )
