#!/usr/bin/python3
"""Prints what this host is doing, one line of JSON. Runs on the host, as root, once a minute.

    sample MEMORY_MIB STATE PSQL...

Its standard output is the journal, so samples are bounded and kept as all logs are; `make signals`
reads them. ``cpu_s`` and ``queries`` only grow: two samples tell what was between them. What comes
from the log counts from the sample before.

    at          when, in seconds since 1970
    boot        which boot of the host
    cores       processors that the host may use
    cpu_s       processor time that everything on the host has had
    memory_mib  what its processes hold: shared memory once, without the kernel's own
    total_mib   memory of the host
    requests    requests that Nginx passed on to the app and logged
    page_ms     95 of 100 of them took no longer, as Nginx timed them; null without any
    refused     seconds in which Nginx had to say that no web process took a request
    queries     [calls, ms] of all statements in the database `app`; null when it does not answer

Exit code: 0, also where something could not be asked: a missing number is told as such.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

GROUP = Path("/sys/fs/cgroup/cpu.stat")
"""The control group at the top is the whole host: in a container /proc/stat is the machine's."""
LINE = re.compile(r" at=(\d+)\.\d+ status=(\d+) took=([\d.]+) by=\[([\d ,:-]*)\]$")
"""The end of a line of Nginx's access log (nginx/app.conf.j2), after all that clients say."""
NGINX = ("_SYSTEMD_UNIT=nginx.service", "PRIORITY=6")
"""Its access log. A line of its error log ends with what a client says, cut off at 2048 bytes."""
TIMEOUT_S = 20
SQL = (
    "select coalesce(sum(calls), 0)::bigint, coalesce(sum(total_exec_time), 0)"
    " from public.pg_stat_statements join pg_database on pg_database.oid = dbid"
    " where datname = 'app'"
)


def cpu_s() -> float:
    """Processor time of the whole host since it has been there."""
    fields = dict(line.split() for line in GROUP.read_text().splitlines())
    return int(fields["usage_usec"]) / 1e6


def memory_mib() -> float:
    """The proportional sizes of all processes: a page that two share counts half for each."""
    kib = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            rollup = (process / "smaps_rollup").read_text()
        except OSError:  # It has ended, or is the kernel's own.
            continue
        kib += sum(int(size) for size in re.findall(r"^Pss: +(\d+) kB$", rollup, re.M))
    return kib / 1024


def total_mib(plan_mib: int) -> int:
    """What the host has: in a container /proc/meminfo is the machine's, so never above the plan."""
    match = re.search(r"^MemTotal: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.M)
    return min(plan_mib, int(match[1]) // 1024) if match else plan_mib


def queries(psql: Sequence[str]) -> list[float] | None:
    """Calls and milliseconds since the statistics began; ``psql`` is a superuser's command."""
    argv = [*psql, "-F", " ", "-c", SQL]
    try:
        done = subprocess.run(
            argv,
            user="postgres",
            group="postgres",
            extra_groups=(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
        calls, ms = done.stdout.split()
        return [int(calls), round(float(ms), 3)]
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def log_since(cursor: Path) -> list[str]:
    """What Nginx logged since the last sample, or in the last minute where there was none."""
    # Not by its tag, which any user may give to a line: journald itself says which unit sent it.
    argv = ["journalctl", "--no-pager", "--quiet", "-o", "cat", "--show-cursor", *NGINX]
    argv.append(f"--after-cursor={cursor.read_text()}" if cursor.exists() else "--since=-60s")
    try:
        done = subprocess.run(argv, capture_output=True, timeout=TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        cursor.unlink(missing_ok=True)  # Of a journal that is gone: begin anew.
        return []
    *lines, last = done.stdout.decode(errors="replace").splitlines() or [""]
    if last.startswith("-- cursor: "):
        cursor.write_text(last.removeprefix("-- cursor: "))
        return lines
    return [*lines, last]


def requests(lines: list[str]) -> dict[str, object]:
    """What the access log tells of requests that were passed on to the app."""
    passed = [match.groups() for line in lines if (match := LINE.search(line))]
    passed = [request for request in passed if request[3] not in {"", "-"}]
    took = sorted(float(request[2]) for request in passed)
    # 503 with 502 or 504 behind it is the page that Nginx has for this; the app's own is not.
    refused = {
        int(at)
        for at, status, _, by in passed
        if status == "503" and re.search(r"50[24]$", by.strip(" -,:"))
    }
    return {
        "requests": len(passed),
        "page_ms": round(took[math.ceil(len(took) * 0.95) - 1] * 1000, 1) if took else None,
        "refused": sorted(refused),
    }


def main(plan_mib: str, state: str, *psql: str) -> int:
    """Ask everything, then print it."""
    sample = {
        "at": round(time.time(), 3),
        "boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8],
        "cores": len(os.sched_getaffinity(0)),
        "cpu_s": round(cpu_s(), 3),
        "memory_mib": round(memory_mib(), 1),
        "total_mib": total_mib(int(plan_mib)),
        **requests(log_since(Path(state) / "cursor")),
        "queries": queries(psql),
    }
    print(json.dumps(sample, separators=(",", ":")))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
