"""The database step: idempotent SQL before the app starts.

SQL goes in on standard input and the admin's password only into the environment of ``psql``:
neither is ever in a command line or on disk.
"""

from __future__ import annotations

import time

from components.host.converge.report import Done, Failed, run, step

TIMEOUT_S = 120
REACHED_TIMEOUT_S = 60
NOT_REACHED = 2
"""psql's exit code for a connection that failed."""


def converge(run_as: str, sql: str, connection: dict[str, str]) -> None:
    """Run the SQL, waiting a minute for a server that does not answer yet.

    ``postgres``: as the superuser over the local socket. ``root``: as the managed database's
    admin; ``connection`` holds libpq's variables (``PGHOST``, ``PGPASSWORD``, ...).
    """
    step("database")
    psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse", "-f", "-"]
    if run_as == "postgres":
        psql = ["runuser", "-u", "postgres", "--", *psql, "-d", "postgres"]
        connection = {}
    deadline = time.monotonic() + REACHED_TIMEOUT_S
    while True:
        done = run(psql, text=sql, timeout_s=TIMEOUT_S, environment=connection)
        if done.ok:
            return
        if done.code != NOT_REACHED or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    where = connection.get("PGHOST", "the local socket")
    reason = _without_secrets(done, sql, connection).last_line()
    cause = "does not answer" if done.code == NOT_REACHED else "refuses the SQL of the stage"
    raise Failed(f"database at {where}", f"{cause}: {reason}", "The app was not touched.")


def _without_secrets(done: Done, sql: str, connection: dict[str, str]) -> Done:
    """The output without anything that was quoted in the SQL, or the password."""
    output = done.output
    quoted = [word for word in sql.split("'")[1::2] if len(word) >= 8]
    for secret in (*quoted, connection.get("PGPASSWORD", "")):
        if secret:
            output = output.replace(secret, "[secret]")
    return Done(done.code, output)
