"""A replacement of the app server that is stopped at one of its steps, and the ``up`` after it."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from typing import Any, NamedTuple

from tests.real.faults.inventory import inventory
from tests.real.faults.product import BACK_S, Product
from tests.real.faults.rebuilding import differences
from tests.real.faults.running import Watched
from tests.support.waiting import until

STEPS = {1: 13, 2: 12}
"""How many operations on resources a replacement has, by stage."""
STEP = re.compile(r"  [+~-] .* \d+\.\d s$")
WHOM = ("engine", "everything", "command")
OWN = re.compile(r"(?<=-app)-b\b|(?<=[.-])1[67]\b|(?<=/stages-)[0-9a-f]{12}\b")
"""What tells one server from the next: its name, its place in the network, its control group."""
KEPT = "CREATE TABLE IF NOT EXISTS kept (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)"
LENGTH = 60
"""Of text that is compared: command lines are cut, and names differ in length."""


class Stop(NamedTuple):
    """Where a replacement is stopped, and how."""

    after_steps: int
    """Operations that have ended; 0: within the first."""
    wait_s: float
    whom: str
    """``engine`` or ``everything`` is killed with -9; the ``command`` gets SIGTERM."""

    def __str__(self) -> str:
        return f"{self.whom} stopped {self.wait_s:.1f} s after {self.after_steps} steps"


def choose(stage: int, rng: random.Random) -> Stop:
    """Any of the steps, each way to stop it."""
    return Stop(rng.randrange(STEPS[stage] + 1), rng.random(), rng.choice(WHOM))


class Done(NamedTuple):
    """What the next ``up`` made of it."""

    seconds: float
    """That ``up``, from its start until the app answers."""
    wrong: list[str]
    """What is not as before the replacement, but for the server itself."""


def stopped_replacement(product: Product, stop: Stop) -> Done:
    """Ask for a new server, stop the ``up`` there, and run it again."""
    stack = product.stack
    product.ask(f"{KEPT}; INSERT INTO kept DEFAULT VALUES")
    rows, wanted = product.ask("SELECT count(*) FROM kept"), settled(product)
    product.queue()
    stack.configure(server__generation=int(time.time()) % 1_000_000)
    run = Watched(stack)
    begun = f"Bringing up {stack.name}"
    run.wait(lambda: any(line.text.startswith(begun) for line in run.lines), 600)

    def done() -> int:
        return sum(bool(STEP.match(line.text)) for line in run.lines)

    run.wait(lambda: done() >= stop.after_steps, 600)
    run.wait(lambda: done() > stop.after_steps, stop.wait_s)
    engine = run.engine()
    if run.process.poll() is None:
        if stop.whom == "engine" and engine is not None:
            os.kill(engine, signal.SIGKILL)
        elif stop.whom == "command":
            run.process.terminate()
        else:
            os.killpg(run.process.pid, signal.SIGKILL)
    print(run.end())
    began = time.monotonic()
    print(stack.run("up"))
    until("the app to answer", product.answers, BACK_S)
    seconds = time.monotonic() - began
    wrong = differences(wanted, settled(product))
    if product.ask("SELECT count(*) FROM kept") != rows:
        wrong.append("rows are lost")
    if "nothing to change" not in (again := stack.run("up")):
        wrong.append(again)
    product.wait_for_a_job()
    return Done(seconds, wrong)


def settled(product: Product) -> dict[str, Any]:
    """The inventory without what tells one server from the next."""
    seen: dict[str, Any] = _alike(inventory(product.stack))
    seen["processes"] = sorted(line[:LENGTH] for line in seen["processes"])
    return seen


def _alike(value: Any) -> Any:
    if isinstance(value, str):
        return OWN.sub("", value)
    if isinstance(value, list):
        return sorted(map(_alike, value), key=str)
    if isinstance(value, dict):
        left = {key: item for key, item in value.items() if not key.endswith("generation")}
        return {_alike(key): _alike(item) for key, item in left.items()}
    return value
