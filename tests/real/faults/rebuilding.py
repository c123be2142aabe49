"""A stack made anew with an ``up`` that is killed, held against one that nobody disturbed."""

from __future__ import annotations

import random
import time
from typing import Any, NamedTuple

from tests.real.faults.inventory import inventory
from tests.real.faults.product import BACK_S, Product
from tests.real.faults.running import Kill, choose, killed_up
from tests.support.waiting import until


class Recovered(NamedTuple):
    """What the next ``up`` made of it."""

    kill: Kill
    seconds: float
    """The next ``up``, from its start until the app answers."""
    differs: list[str]
    """What is not as after an undisturbed ``up``."""


def rebuild(product: Product, point: int, rng: random.Random, wanted: dict[str, Any]) -> Recovered:
    """Take the stack away with its data, kill an ``up`` at a point, and run the next."""
    stack = product.stack
    stack.run("down")
    stack.run("delete-data", "--confirm", stack.name, "--with-backups")
    stack.configure()  # without the generation of a server that was replaced
    product.jobs.clear()
    kill = choose(product.timeline, point, rng)
    killed_up(stack, kill)
    began = time.monotonic()
    stack.run("up")
    until("the app to answer", product.answers, BACK_S)
    seconds = time.monotonic() - began
    assert "nothing to change" in stack.run("up")
    return Recovered(kill, seconds, differences(wanted, inventory(stack)))


def differences(wanted: dict[str, Any], actual: dict[str, Any]) -> list[str]:
    """Where two inventories are not the same, in words."""
    said = []
    for key in wanted.keys() | actual.keys():
        expected, got = wanted.get(key), actual.get(key)
        if expected == got:
            continue
        if isinstance(expected, dict) and isinstance(got, dict):
            said += [f"{key}: {line}" for line in differences(expected, got)]
        else:
            said.append(f"{key}: should be {expected!r}, got {got!r}")
    return sorted(said)
