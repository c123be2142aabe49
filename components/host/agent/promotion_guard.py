"""Lets the pool's clients go on when a switch is killed in the middle.

It is a process of systemd's, started before clients wait, that waits for the lock which the switch
holds: so it acts the moment the switch is gone, and never beside it. Where the pool points to by
then decides; what is left to do in the databases the next command of the promotion does.
"""

from __future__ import annotations

import json

from components.host.agent import admin_sql, promotion_pooler, promotion_record
from components.host.agent.report import Failed, run

UNIT = "stages-promotion-guard"
LOCK = "/run/stages-host.lock"
SCRIPT = """\
import json, pathlib, subprocess, sys
known = json.loads(pathlib.Path(sys.argv[1]).read_text())
if known.get("switching"):
    there = pathlib.Path(sys.argv[2]).read_text() == known["databases_ini"]
    if not there:
        subprocess.run(json.loads(sys.argv[3]))
    subprocess.run(json.loads(sys.argv[4]))
"""


def watch() -> None:
    """Start it. It ends by itself."""
    login = [*admin_sql.as_postgres(), "-c", "ALTER ROLE app LOGIN"]
    aliases = ("RESUME app", "RESUME app_direct", "RESUME app_release")
    resume = promotion_pooler.console("RELOAD", *aliases)
    words = [str(promotion_record.FILE), promotion_record.DATABASES]
    words += [json.dumps(login), json.dumps(resume)]
    run(["systemctl", "reset-failed", UNIT])
    argv = ["systemd-run", "--quiet", "--collect", f"--unit={UNIT}", "--expand-environment=no"]
    argv += ["flock", LOCK, "python3", "-I", "-c", SCRIPT, *words]
    done = run(argv)
    if not done.ok:
        raise Failed(UNIT, f"does not start: {done.last_line()}")
