"""Where a stage's knee is: decisions without I/O.

A step is past the knee when its p99 is above 1 s, when more than 1 % of its requests fail, or when
more users than in the step before get hardly more answers. Such a step is tried once more before it
is held to be past; the knee is the last step before.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.users.load import Seen

STEPS = (100, 200, 300, 450, 700, 1000, 1500)
"""Users; the first step past the knee is the last that is tried."""
P99_MS = 1000.0
ERRORS = 1.0
"""Percent."""
GROWTH = 0.25
"""The least part of the growth of users that must be seen in the rate."""


def past(steps: Mapping[int, Seen], users: int) -> str:
    """Why this step is past the knee; empty where it is not. ``steps`` has it and those before."""
    now = steps[users]
    if now.errors > ERRORS:
        return f"{now.errors:.1f} % errors"
    if now.p99_ms > P99_MS:
        return f"p99 {now.p99_ms:,.0f} ms"
    before = [count for count in steps if count < users]
    if before:
        last = max(before)
        grown = now.rate / steps[last].rate - 1 if steps[last].rate else 1.0
        if grown < GROWTH * (users / last - 1):
            return f"{now.rate:.1f} answers a second after {steps[last].rate:.1f}"
    return ""


def of(steps: Mapping[int, Seen]) -> int:
    """The most users that a stage serves well; 0 where already the first step is too many."""
    good = 0
    for users in sorted(steps):
        if past(steps, users):
            break
        good = users
    return good
