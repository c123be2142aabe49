"""Lets the pool's clients go on when a switch is killed in the middle, in either direction.

It is a unit, started before clients wait, that waits for the lock which the switch holds: so it
acts the moment the switch is gone, and never beside it. Where the server itself goes, it acts at
the boot. Where the pool points to by then decides: the role ``app`` may log in there again, and
clients go on. What is left to do in the databases the next command of the promotion does.

In a rollback that may be the new database, whose admin's password never rests on this host: the
guard has a role of its own there, which may do this and enters no database of the app.
"""

from __future__ import annotations

import json
import secrets

from components.host.agent import admin_sql, promotion_pooler, promotion_record, promotion_tunnel
from components.host.agent.promotion_sql import GUARD, Link, beside_new, make_role, through_tunnel

LOCK = "/run/stages-host.lock"
SCRIPT = """\
import json, pathlib, subprocess, sys
record = pathlib.Path(sys.argv[1])
known = json.loads(record.read_text()) if record.exists() else {}
if known.get("switching"):
    there = pathlib.Path(sys.argv[2]).read_text() == known["databases_ini"]
    if not there:
        subprocess.run(json.loads(sys.argv[3]), check=True)
    elif known.get("guard"):
        subprocess.run(json.loads(sys.argv[4]), check=True, env=known["guard"])
    subprocess.run(json.loads(sys.argv[5]))
"""
"""A database, or the tunnel to it, may be on its way up: systemd tries again."""
LOGIN = "ALTER ROLE app LOGIN"
UNIT = """\
[Unit]
Description=A promotion's guard of the clients that wait
After=postgresql@17-main.service pgbouncer.service
StartLimitIntervalSec=0

[Service]
ExecStart=:{command}
UMask=0077
Restart=on-failure
RestartSec=1

[Install]
WantedBy=multi-user.target
"""


def let_in(link: Link) -> None:
    """Give it its role in the new database, and the record how it logs in there."""
    password = secrets.token_urlsafe(32)
    make_role(
        lambda sql: beside_new(link, sql),
        GUARD,
        "LOGIN CREATEROLE",
        password,
        "ADMIN TRUE, INHERIT FALSE, SET FALSE",
    )
    _, environment = admin_sql.as_admin(
        {**through_tunnel(link), "PGUSER": GUARD, "PGPASSWORD": password}
    )
    promotion_record.write(guard=environment)


def watch() -> None:
    """Start it. It ends by itself."""
    promotion_tunnel.run_unit(
        promotion_tunnel.GUARD, UNIT.format(command=" ".join(map(_word, argv())))
    )


def argv() -> list[str]:
    old = [*admin_sql.as_postgres(), "-c", LOGIN]
    new = [*admin_sql.as_admin({})[0], "-c", LOGIN]
    resume = promotion_pooler.console("RELOAD", *promotion_pooler.RESUME)
    words = [str(promotion_record.FILE), promotion_record.DATABASES]
    words += map(json.dumps, (old, new, resume))
    return ["/usr/bin/flock", LOCK, "/usr/bin/python3", "-I", "-c", SCRIPT, *words]


def _word(text: str) -> str:
    """A word of a unit's command line: in quotes, with the escapes that JSON and systemd share."""
    return json.dumps(text).replace("%", "%%")
