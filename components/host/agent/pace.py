"""How fast this host is: what a limit in seconds means here, and what a time-out says of it."""

from __future__ import annotations

import functools
import os
import subprocess

USUAL_S = 0.3
"""How long systemd takes at a boot to find and read its units, on an idle machine with 2 cores."""
MOST = 20.0
"""An emulated processor is 10 to 20 times slower."""
_BEGIN, _END = "GeneratorsStartTimestampMonotonic", "UnitsLoadFinishTimestampMonotonic"


@functools.cache
def patience() -> float:
    """How much slower than usual this host has booted, at least 1: limits are as much longer."""
    show = ["systemctl", "show", f"--property={_BEGIN}", f"--property={_END}"]
    try:
        output = subprocess.run(
            show, capture_output=True, text=True, timeout=60, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 1.0
    return factor(output)


def factor(shown: str) -> float:
    """The same from what ``systemctl show`` says, in microseconds; 1 where it says nothing."""
    times = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    try:
        took_s = (int(times[_END]) - int(times[_BEGIN])) / 1e6
    except (KeyError, ValueError):
        return 1.0
    return min(max(1.0, took_s / USUAL_S), MOST)


def load() -> str:
    """The end of a message about a time-out: the load of a busy host; empty for an idle one."""
    average, processors = os.getloadavg()[0], os.cpu_count() or 1
    busy = average > 2 * processors
    return f"; this host is busy: load {average:.1f} on {processors} processors" if busy else ""
