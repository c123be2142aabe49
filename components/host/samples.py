"""What a single server is doing, once a minute: the numbers that `make signals` judges later.

A timer and a program with Python's own library; the samples are lines in the journal, bounded and
kept with it. Averages over a week would hide the peak that the question is about, and neither
PostgreSQL nor the kernel remembers one.
"""

from __future__ import annotations

import shlex

from components.host.agent import admin_sql
from components.host.model import HostFile, Part, Service
from components.host.rendering import plain, render

PROGRAM = "/usr/local/lib/stages/sample"
TIMER = "samples.timer"
UNIT = "samples.service"
TAG = "stages-sample"
"""Under which the journal has the samples."""

_UNITS = "/etc/systemd/system"


def samples(*, memory_mib: int, version: int) -> Part:
    """Return the timer of a host with ``memory_mib`` and PostgreSQL ``version`` on it."""
    unit = HostFile(
        path=f"{_UNITS}/{UNIT}",
        content=render(
            "samples/samples.service.j2",
            program=PROGRAM,
            memory_mib=memory_mib,
            psql=shlex.join(admin_sql.psql(f"/usr/lib/postgresql/{version}/bin/psql")),
            tag=TAG,
        ),
    )
    timer = HostFile(path=f"{_UNITS}/{TIMER}", content=plain("samples/samples.timer"))
    return Part(
        files=(
            HostFile(path=PROGRAM, content=plain("samples/sample.py"), mode="0755"),
            unit,
            timer,
        ),
        services=(Service(unit=TIMER, restart_on=(timer.path, unit.path)),),
    )
