"""Users on a stack for a while, and what they saw."""

from __future__ import annotations

import json
import math
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import here
from components.errors import StepFailed
from scripts.lib import environments

REQUIREMENTS = here.ROOT / "requirements-users.txt"
BROWSING = Path(__file__).with_name("browsing.py")
THINK_S = (5.0, 15.0)
"""Between an answer and the next request, evenly spread: 100 users ask 10 times a second."""
SPAWN_S = 3
LAST_S = 20
"""Who asked in time may be answered this much later; as long as the clients' own patience."""


@dataclass(frozen=True)
class Asked:
    """One request."""

    at_s: float
    """Since 1970."""
    took_ms: float | None
    """``None`` where no answer came before the end."""
    good: bool


@dataclass(frozen=True)
class Seen:
    """What users saw in a while."""

    rate: float
    """Good answers a second."""
    p50_ms: float
    p99_ms: float
    errors: float
    """Percent of the requests."""


def browse(site: str, address: str, users: int, seconds: float) -> list[Asked]:
    """Let so many users browse a site (``https://...``) at an address; blocks.

    Raises ``UserError`` where the generator fails.
    """
    python = environments.ensure(REQUIREMENTS, "users")
    with tempfile.TemporaryDirectory(prefix="stages-users-") as scratch:
        out = Path(scratch) / "asked"
        options = {
            "users": users,
            "spawn-rate": max(users / SPAWN_S, 1),
            "run-time": f"{math.ceil(seconds)}s",
            "stop-timeout": LAST_S,
            "exit-code-on-error": 0,
            "loglevel": "ERROR",
            "host": site,
        }
        done = subprocess.run(
            [
                # Measuring goes first: a generator that waits for a core would count its own wait.
                *("nice", "-n", "-10", str(python), "-m", "locust", "-f", str(BROWSING)),
                *("--headless", "--only-summary"),
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            env={
                "PATH": os.environ["PATH"],
                "HOME": scratch,
                "BENCH_ADDRESS": address,
                "BENCH_OUT": str(out),
                "BENCH_THINK_LEAST_S": str(THINK_S[0]),
                "BENCH_THINK_MOST_S": str(THINK_S[1]),
            },
            cwd=scratch,
            capture_output=True,
            text=True,
            timeout=seconds + LAST_S + 60,
            check=False,
        )
        if done.returncode != 0 or not out.exists():
            output = (done.stderr or done.stdout).strip()[-500:]
            raise StepFailed(f"The simulated users: should browse, got: {output}")
        return [Asked(*json.loads(line)) for line in out.read_text().splitlines()]


def seen(asked: Sequence[Asked], began_s: float, ended_s: float) -> Seen:
    """What came of the requests that began in this time.

    A request without an answer is an error, as slow as any. Raises ``UserError`` where there is
    none at all: nothing was measured.
    """
    those = [request for request in asked if began_s <= request.at_s < ended_s]
    if not those:
        raise StepFailed("The simulated users: should ask something, got no request")
    longest = max(
        (request.took_ms for request in those if request.took_ms is not None), default=LAST_S * 1000
    )
    times = sorted(longest if request.took_ms is None else request.took_ms for request in those)
    good = sum(request.good for request in those)
    return Seen(
        good / (ended_s - began_s),
        percentile(times, 50),
        percentile(times, 99),
        100 * (1 - good / len(those)),
    )


def percentile(ascending: Sequence[float], percent: float) -> float:
    """The least value that so many percent of all do not exceed."""
    return ascending[max(math.ceil(len(ascending) * percent / 100) - 1, 0)]


def each_second(asked: Sequence[Asked], began_s: float, seconds: int) -> list[float]:
    """The worst time of the requests that began in each second, in ms; 0 where none did."""
    worst = [0.0] * seconds
    for request in asked:
        at = math.floor(request.at_s - began_s)
        if 0 <= at < seconds:
            took = LAST_S * 1000 if request.took_ms is None else request.took_ms
            worst[at] = max(worst[at], took)
    return worst
