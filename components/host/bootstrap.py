"""The app's role and database, as SQL that may run any number of times.

Stage 1 runs it as ``postgres`` over the socket; stage 2 as the admin role of a managed database,
which is no superuser.
"""

from __future__ import annotations

from components.host.agent import scram
from components.host.rendering import render

PASSWORD_VARIABLE = "app_password"  # noqa: S105 - the name of a psql variable
"""psql variable that has to hold the role's password in stage 2: see ``password``."""


def bootstrap_sql(
    *, managed: bool, statement_timeout_s: int | None = None, copies: tuple[str, ...] = ()
) -> str:
    """Return a psql script: role ``app``, database ``app`` that it owns, and no one else in it.

    ``copies`` are databases of the same kind, for copies of it (``dumps.py``).

    Run it by ``converge/admin_sql.py``. It never enters the database ``app``, where an admin's
    session would meet the app's functions: as the owner the app owns its schema ``public`` as
    well (the role ``pg_database_owner``), and who may not connect cannot use it. With
    ``managed`` the role gets the password in ``app_password``; put ``password`` before the
    script.
    """
    return render(
        "postgres/bootstrap.sql.j2",
        managed=managed,
        password=PASSWORD_VARIABLE,
        statement_timeout_s=statement_timeout_s,
        databases=("app", *copies),
    )


def password(of_app: str) -> str:
    """Return the psql line that says the role's password, as a SCRAM verifier: the service logs a
    statement that fails, and a verifier opens nothing."""
    return f"\\set {PASSWORD_VARIABLE} '{scram.verifier(of_app)}'\n"
