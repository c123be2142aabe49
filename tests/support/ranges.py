"""Ranges for the networks of tests: a machine may have stacks of its own, and those of a run that
was killed."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable

from components.clouds.local.net import bridge
from components.errors import UserError

APART = 30
"""From one range that is tried to the next, in the second number; those of tests are 88 to 116."""


@functools.cache
def unused(cidr: str) -> str:
    """This range, or the next one like it that nothing on the machine uses; it stays so for this
    process."""
    second, rest = cidr.removeprefix("10.").split(".", 1)
    return _first_free(f"10.{number}.{rest}" for number in range(int(second), 256, APART))


def free_cidr() -> str:
    """A range that nothing on the machine uses, another one for each that is up."""
    return _first_free(f"10.89.{(os.getpid() + offset) % 200}.0/24" for offset in range(200))


def _first_free(candidates: Iterable[str]) -> str:
    tried = []
    for cidr in candidates:
        with contextlib.suppress(UserError):
            bridge.check_free(bridge.of("none", cidr))
            return cidr
        tried.append(cidr)
    raise AssertionError(f"should find a range that nothing on this machine uses, got {tried}")
