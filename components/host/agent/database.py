"""The database step: idempotent SQL before the app starts.

SQL goes in on standard input and the admin's password only into the environment of ``psql``:
neither is ever in a command line or on disk.
"""

from __future__ import annotations

import time

from components.host.agent import admin_sql, pace
from components.host.agent.report import TIMEOUT_EXIT, Done, Failed, run, step

TIMEOUT_S = 120
REACHED_TIMEOUT_S = 60
NOT_CONNECTED = 2
"""psql's exit code for a connection that failed."""


def converge(run_as: str, sql: str, connection: dict[str, str]) -> None:
    """Run the SQL, waiting a minute for a server that does not answer yet.

    ``postgres``: as the superuser over the local socket. ``root``: as the managed database's
    admin; ``connection`` holds libpq's variables (``PGHOST``, ``PGPASSWORD``, ...).
    """
    step("set up the database")
    environment: dict[str, str] = {}
    if run_as == "postgres":
        psql, connection = admin_sql.as_postgres(), {}
    else:
        psql, environment = admin_sql.as_admin(connection)
    deadline = time.monotonic() + REACHED_TIMEOUT_S * pace.patience()
    while True:
        done = run([*psql, "-f", "-"], text=sql, timeout_s=TIMEOUT_S, environment=environment)
        if done.ok:
            return
        if done.code != NOT_CONNECTED or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    where = connection.get("PGHOST", "the local socket")
    reason = cause(_without_secrets(done, sql, connection))
    raise Failed(f"database at {where}", reason, "The app was not touched.")


def cause(done: Done) -> str:
    """What kept psql: the network, the server, the time, or a statement."""
    if done.code == TIMEOUT_EXIT:
        waited = f"{TIMEOUT_S * pace.patience():.3g} s"
        return f"timed out after {waited} while running the SQL of the stage{pace.load()}"
    if done.code != NOT_CONNECTED:
        return f"refused the SQL of the stage: {done.last_line()}"
    if "FATAL:" in done.output:  # An answer, for example to a wrong password.
        return f"refused the connection: {done.last_line()}"
    return f"cannot be reached: {done.last_line()}"


def _without_secrets(done: Done, sql: str, connection: dict[str, str]) -> Done:
    """The output without anything that was quoted in the SQL, or the password."""
    output = done.output
    quoted = [word for word in sql.split("'")[1::2] if len(word) >= 8]
    for secret in (*quoted, connection.get("PGPASSWORD", "")):
        if secret:
            output = output.replace(secret, "[secret]")
    return Done(done.code, output)
