"""A promotion and its rollback with something killed in the middle: nothing is lost or in between.

A promotion that nobody disturbs says how long each step takes; the blow falls at a seeded moment
of a step. The operator then does what the docs say: runs the step again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.real.faults.faults import POSTGRES, kill_units
from tests.real.faults.product import BACK_S, Product
from tests.real.faults.running import Watched
from tests.support.ledger import Ledger, ledger
from tests.support.waiting import until

STEPS = ("copy", "switch", "rollback")
CLIENTS = 20
TRIES = 3
"""What was struck may come back in the middle of the next try."""
LIMIT = ("--stall-limit-s", "30")
WORDS: Mapping[str, tuple[str, ...]] = {"copy": ("--replace",), "switch": LIMIT, "rollback": LIMIT}
TUNNEL = "stages-promotion-tunnel.service"
PGBOUNCER = "pgbouncer.service"

Strike = Callable[[Product, Product], None]
"""Given the products of stage 1 and stage 2."""


def _operator(_old: Product, _new: Product) -> None:
    """The command itself: :func:`blow` kills it."""


STRIKES: Mapping[str, Strike] = {
    "operator": _operator,
    "tunnel": lambda _, new: _kill_where_it_runs(new, TUNNEL),
    "old PostgreSQL": lambda old, _: _kill(old, POSTGRES),
    "new PostgreSQL": lambda _, new: _kill(new, POSTGRES, database=True),
    "old PgBouncer": lambda old, _: _kill(old, PGBOUNCER),
    "new PgBouncer": lambda _, new: _kill(new, PGBOUNCER),
}
CUTS = frozenset({"tunnel", "old PostgreSQL", "new PostgreSQL", "old PgBouncer"})
"""Strikes that end sessions of clients, of which the tunnel has some after the switch: their
statements may fail, and none may be lost."""


class Blow(NamedTuple):
    """What is struck, in which step, and after which share of its time."""

    whom: str
    step: str
    share: float

    def __str__(self) -> str:
        return f"{self.whom} killed after {self.share:.0%} of the {self.step}"


class Outcome(NamedTuple):
    """What became of a promotion that was struck."""

    seconds: float
    """From the blow until the step had come to its end, with the next tries."""
    acknowledged: int
    wrong: list[str]
    """What was lost, doubled or left over."""


def choose(whom: str, rng: random.Random) -> Blow:
    return Blow(whom, rng.choice(STEPS), rng.random())


class Promotion:
    """The command between two products, and how long its steps take."""

    def __init__(self, old: Product, new: Product) -> None:
        self.old, self.new = old, new
        self.seconds: dict[str, float] = {}

    def start(self, step: str) -> Watched:
        stacks = ("--from", self.old.stack.name, "--to", self.new.stack.name)
        words = ("promote", *stacks, f"--{step}", *WORDS.get(step, ()), "--yes")
        return Watched(self.old.stack, *words)

    def run(self, step: str, tries: int = 1) -> None:
        """Run a step to its end, again if it fails."""
        for _ in range(tries):
            began, run = time.monotonic(), self.start(step)
            said = run.end()
            if run.process.returncode == 0:
                self.seconds.setdefault(step, time.monotonic() - began)
                return
        raise AssertionError(f"--{step} should end well, got {said}")

    def undisturbed(self) -> None:
        """There and back, to know how long each step takes."""
        self.old.ask("CREATE TABLE IF NOT EXISTS ledger (id bigint NOT NULL)")
        self.old.ask("ALTER TABLE ledger REPLICA IDENTITY FULL")
        for step in STEPS:
            self.run(step)


def blow(promotion: Promotion, struck: Blow) -> Outcome:
    """Promote and go back while clients write, with one blow."""
    old, new = promotion.old, promotion.new
    with ledger(old.app, CLIENTS) as seen:
        for step in STEPS:
            moment, has_ended = _struck(promotion, struck) if step == struck.step else (0.0, False)
            if not has_ended:
                promotion.run(step, TRIES)
            seen.wait_for_all(time.time(), BACK_S)
            if moment:
                seconds = time.monotonic() - moment
    wrong = [*_writes(old, seen, struck), *_left_over(old, new)]
    return Outcome(seconds, len(seen.acknowledged), wrong)


def _struck(promotion: Promotion, struck: Blow) -> tuple[float, bool]:
    """Strike; the moment of it, and whether the step went to its end all the same."""
    run = promotion.start(struck.step)
    run.wait(lambda: False, promotion.seconds[struck.step] * struck.share)
    moment = time.monotonic()
    if struck.whom == "operator":
        run.kill()
    else:
        STRIKES[struck.whom](promotion.old, promotion.new)
    run.end()
    return moment, run.process.returncode == 0


def _kill(product: Product, unit: str, *, database: bool = False) -> None:
    kill_units(product.database if database else product.app, [unit], "main")


def _kill_where_it_runs(product: Product, unit: str) -> None:
    """The tunnel is not there at the beginning of a copy and at the end of a rollback."""
    product.app.run(["systemctl", "kill", "--signal=KILL", unit])


def _writes(old: Product, seen: Ledger, struck: Blow) -> list[str]:
    stored = seen.stored(old.ask("SELECT id FROM ledger"))
    wrong = {
        "acknowledged writes lost": len(seen.acknowledged - set(stored)),
        "writes doubled": sum(count > 1 for count in stored.values()),
        "clients that hang": max(0, seen.hung),
        "errors of clients": 0 if struck.whom in CUTS else len(seen.errors),
    }
    return [f"{count} {what}" for what, count in wrong.items() if count]


def _left_over(old: Product, new: Product) -> list[str]:
    """What is not as before the promotion."""
    wrong = []
    if server := old.ask("SELECT host(inet_server_addr())"):
        wrong.append(f"{old.stack.name}: should use its own database, got that of {server}")
    for product in (old, new):
        until(f"{product.stack.name} to answer", product.answers, BACK_S)
        units = "ls /etc/systemd/system/ | grep stages-promotion || true"
        if left := product.app.run(["sh", "-c", units]).stdout.split():
            wrong.append(f"{product.stack.name}: should have no unit of it, got {left}")
        asked = (
            "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname LIKE 'stages_promotion%'"
            " UNION ALL SELECT slot_name FROM pg_catalog.pg_replication_slots"
            " UNION ALL SELECT pubname FROM pg_catalog.pg_publication"
        )
        if left := product.ask(asked).split():
            wrong.append(f"{product.stack.name}: should have nothing of it, got {left}")
    return wrong
