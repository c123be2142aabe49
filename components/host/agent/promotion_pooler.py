"""PgBouncer of stage 1 during a switch: its clients wait, and none is refused."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.host.agent import admin_sql, pace, promotion_record
from components.host.agent.files import Files, Wanted
from components.host.agent.report import TIMEOUT_EXIT, Done, Failed, quoted, run, step

FOLDER = Path("/etc/pgbouncer")
SOCKET = "/run/pgbouncer"
PORT = "6432"
RESUME = ("RESUME app", "RESUME app_direct", "RESUME app_release")
TRIES = 3
PAUSE_S = 2
"""How long a running transaction may keep the switch back, each time."""
QUICK_RETRY = "0.05"
"""Seconds. After RESUME the pool logs in anew; with the usual 1 s clients waited up to 4.66 s."""
LOGIN_S = 15
CATALOG = """\
BEGIN TRANSACTION READ ONLY;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL quote_all_identifiers = off;
{sql};
COMMIT;
"""


def console(*commands: str) -> list[str]:
    """What runs commands of its console, as the only user who may."""
    words = ["-h", SOCKET, "-p", PORT, "-U", "pgbouncer", "-d", "pgbouncer"]
    words += [word for command in commands for word in ("-c", command)]
    as_pgbouncer = ["setpriv", "--reuid=pgbouncer", "--regid=pgbouncer", "--init-groups"]
    return [*as_pgbouncer, *admin_sql.client(), *words]


def ask(*commands: str, timeout_s: float = 5) -> Done:
    """Run them."""
    return run(console(*commands), timeout_s=timeout_s)


def as_app(sql: str, *, alias: str = "app", timeout_s: float = 5) -> Done:
    """Run SQL as the app's processes do, through the pool; the catalog answers, and nothing that
    the app has made of the same name."""
    words = [admin_sql.PSQL, "-XwAtq", "-v", "ON_ERROR_STOP=1", "-c", CATALOG.format(sql=sql)]
    url = f"postgresql://app@/{alias}?host={SOCKET}&port={PORT}&connect_timeout=10"
    return run(["runuser", "-u", "app", "--", *words, url], timeout_s=timeout_s, answers=True)


def pause() -> float:
    """Both aliases: when a transaction has ended its client waits; sessions are ended by name.

    Return since when (``time.monotonic``) nobody has gone on.
    """
    step("pause the clients")
    for left in reversed(range(TRIES)):
        began = time.monotonic()
        done = ask("PAUSE app", "KILL app_direct", "KILL app_release", timeout_s=PAUSE_S)
        if done.ok:
            return began
        ask(*RESUME)
        if left:
            time.sleep(1)
    if done.code != TIMEOUT_EXIT:
        raise Failed("pgbouncer", quoted(done.last_line()))
    raise Failed(
        "pgbouncer",
        f"a transaction stayed open for more than {PAUSE_S} s, {TRIES} times",
        "Nothing was changed; try again when it has ended.",
    )


def resume() -> None:
    """Clients go on, as the files say by now.

    The pool's logins follow one another quickly until the first has worked.
    """
    quick = f"SET server_login_retry='{QUICK_RETRY}'"
    ask("RELOAD", quick, *RESUME)
    deadline = time.monotonic() + LOGIN_S * pace.patience()
    while not as_app("SELECT 1").ok:
        if time.monotonic() > deadline:
            raise Failed("pgbouncer", "gets no answer from the database after RESUME")
        time.sleep(0.1)
    ask("SET server_login_retry='1'")


def point(files: Mapping[str, Wanted], *, back: bool = False) -> None:
    """Give it other files, whole; ``resume`` lets it read them.

    Killed in between, it has the settings for the new database, which reach the old one too: so
    what decides where the pool points comes last, and first on the way back.
    """
    decides = promotion_record.DATABASES
    Files().replace(dict(sorted(files.items(), key=lambda item: (item[0] == decides) != back)))


def as_they_are(paths: Mapping[str, Wanted]) -> dict[str, Any]:
    """The same files as they are now."""
    return {
        path: {**file, "content": Path(path).read_text()}
        for path, file in paths.items()
        if Path(path).exists()
    }
