"""Lets the pool's clients go on when a switch is killed in the middle.

It is a unit, started before clients wait, that waits for the lock which the switch holds: so it
acts the moment the switch is gone, and never beside it. Where the server itself goes, it acts at
the boot. Where the pool points to by then decides; what is left to do in the databases the next
command of the promotion does, in a rollback also to let the role ``app`` log in again.
"""

from __future__ import annotations

import json

from components.host.agent import admin_sql, promotion_pooler, promotion_record, promotion_way

LOCK = "/run/stages-host.lock"
SCRIPT = """\
import json, pathlib, subprocess, sys
record = pathlib.Path(sys.argv[1])
known = json.loads(record.read_text()) if record.exists() else {}
if known.get("switching"):
    there = pathlib.Path(sys.argv[2]).read_text() == known["databases_ini"]
    if not there:
        subprocess.run(json.loads(sys.argv[3]), check=True)
    subprocess.run(json.loads(sys.argv[4]))
"""
"""The old database may be on its way up: systemd tries again."""
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


def watch() -> None:
    """Start it. It ends by itself."""
    promotion_way.run_unit(promotion_way.GUARD, UNIT.format(command=" ".join(map(_word, argv()))))


def argv() -> list[str]:
    login = [*admin_sql.as_postgres(), "-c", "ALTER ROLE app LOGIN"]
    aliases = ("RESUME app", "RESUME app_direct", "RESUME app_release")
    resume = promotion_pooler.console("RELOAD", *aliases)
    words = [str(promotion_record.FILE), promotion_record.DATABASES]
    words += [json.dumps(login), json.dumps(resume)]
    return ["/usr/bin/flock", LOCK, "/usr/bin/python3", "-I", "-c", SCRIPT, *words]


def _word(text: str) -> str:
    """A word of a unit's command line: in quotes, with the escapes that JSON and systemd share."""
    return json.dumps(text).replace("%", "%%")
