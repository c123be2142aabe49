"""A promotion and its rollback with something killed in each step: nothing is lost or in between.

A promotion that nobody disturbs says how long each step takes; the blow falls at a seeded moment
of a step. The operator then does what the docs say: starts a host that is off, and runs the step
again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from benchmarks.deploys.load import Load, load
from benchmarks.failover import longest_wait_s
from components.host.agent.promotion_sql import BACK, SLOT, SUBSCRIPTION
from tests.real.faults.faults import POSTGRES, kill_units
from tests.real.faults.product import BACK_S, Product
from tests.real.faults.running import Line, Watched, moment_of
from tests.support.ledger import Ledger, ledger
from tests.support.waiting import until

STEPS = ("copy", "switch", "rollback")
CLIENTS = 20
REQUESTS_A_SECOND = 5
TRIES = 3
"""What was struck may come back in the middle of the next try."""
LIMIT = ("--stall-limit-s", "30")
WORDS: Mapping[str, tuple[str, ...]] = {"copy": ("--replace",), "switch": LIMIT, "rollback": LIMIT}
TUNNEL = "stages-promotion-tunnel.service"
PGBOUNCER = "pgbouncer.service"

Strike = Callable[[Product, Product], None]
"""Given the products of stage 1 and stage 2."""


def _operator(_old: Product, _new: Product) -> None:
    """The command itself: :func:`_struck` kills it."""


STRIKES: Mapping[str, Strike] = {
    "operator": _operator,
    "tunnel": lambda _, new: _kill_where_it_runs(new, TUNNEL),
    "old PostgreSQL": lambda old, _: _kill(old, POSTGRES),
    "new PostgreSQL": lambda _, new: _kill(new, POSTGRES, database=True),
    "old PgBouncer": lambda old, _: _kill(old, PGBOUNCER),
    "new PgBouncer": lambda _, new: _kill(new, PGBOUNCER),
    "old host": lambda old, _: old.app.kill(),
    "new host": lambda _, new: new.app.kill(),
    "new database's host": lambda _, new: new.database.kill(),
}
OLD_HOST = "old host"
HOSTS = (OLD_HOST, "new host", "new database's host")
"""Their power is cut, and stays so until the operator's ``up``."""
NOTHING = "nothing"
DONE, FAILED, TOO_LATE = "went to its end", "was run again", "had ended before"
UNNOTICED = frozenset({NOTHING, "operator", "new PgBouncer"})
"""Strikes that end no session of the clients that write. Of the others statements may fail, and
none may be lost: after the switch the tunnel carries them."""


class Blow(NamedTuple):
    """What is struck, in which step, and after which share of its time."""

    whom: str
    step: str
    share: float

    def __str__(self) -> str:
        if self.whom == NOTHING:
            return f"{self.step}, undisturbed"
        return f"{self.whom} killed after {self.share:.0%} of the {self.step}"


class Outcome(NamedTuple):
    """What became of a step that was struck."""

    blow: Blow
    end: str
    """What became of the run that was struck."""
    seconds: float
    """From the blow until the step had come to its end, with the next tries, and every client was
    answered."""
    waited_s: float
    """The longest that a client which writes waited between two answers."""
    acknowledged: int
    failed_statements: int
    """Different errors of the clients."""
    requests: int
    failed_requests: int
    wrong: list[str]
    """What was lost, doubled, left over or in between."""

    def __str__(self) -> str:
        return (
            f"{self.blow}: {self.end}, {self.seconds:.1f} s; {self.acknowledged} acknowledged,"
            f" {self.failed_statements} errors, longest wait {self.waited_s:.2f} s;"
            f" {self.requests} requests,"
            f" {self.failed_requests} failed; {'; '.join(self.wrong) or 'nothing wrong'}"
        )


class Side(NamedTuple):
    """What one of the two stacks has after a step."""

    serves: bool
    slots: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()


AFTER: Mapping[str, tuple[Side, Side]] = {
    "copy": (Side(True, slots=(SLOT,)), Side(False, subscriptions=(SUBSCRIPTION,))),
    "switch": (Side(False, subscriptions=(BACK,)), Side(True, slots=(BACK,))),
    "rollback": (Side(True), Side(True)),
}
"""Of stage 1 and of stage 2. Between ``--copy`` and the end of ``--rollback`` one of them serves,
and afterwards each its own database."""


def choose(whom: Sequence[str], rng: random.Random) -> list[Blow]:
    """A blow for each step."""
    return [Blow(name, step, rng.random()) for name, step in zip(whom, STEPS, strict=True)]


class Promotion:
    """The command between two products, and when its steps say what."""

    def __init__(self, old: Product, new: Product) -> None:
        self.old, self.new = old, new
        self.timelines: dict[str, list[Line]] = {}
        self.ledgers: list[Ledger] = []

    def start(self, step: str) -> Watched:
        stacks = ("--from", self.old.stack.name, "--to", self.new.stack.name)
        words = ("promote", *stacks, f"--{step}", *WORDS.get(step, ()), "--yes")
        return Watched(self.old.stack, *words)

    def run(self, step: str, tries: int = 1) -> None:
        """Run a step to its end, again if it fails."""
        for _ in range(tries):
            run = self.start(step)
            said = run.end()
            if run.process.returncode == 0:
                self.timelines.setdefault(step, run.timeline())
                return
        raise AssertionError(f"--{step} should end well, got {said}")

    def undisturbed(self, stay_s: float = 0) -> Iterator[Outcome]:
        """There and back, to know how long each step takes; ``stay_s``: how long clients write on
        stage 2 before the way back."""
        self.old.ask("CREATE TABLE IF NOT EXISTS ledger (id bigint NOT NULL)")
        self.old.ask("ALTER TABLE ledger REPLICA IDENTITY FULL")
        for step in STEPS:
            yield self._struck(Blow(NOTHING, step, 1), stay_s if step == "rollback" else 0)

    def struck(self, blows: Sequence[Blow]) -> Iterator[Outcome]:
        """There and back while clients write and visitors come, with one blow in each step."""
        self.old.ask("TRUNCATE ledger")
        self.ledgers.clear()
        for blow in blows:
            yield self._struck(blow)

    def _struck(self, blow: Blow, stay_s: float = 0) -> Outcome:
        first = len(self.ledgers)
        url = f"{self.old.url}/health"
        with load(url, per_second=REQUESTS_A_SECOND, clients=CLIENTS // 4) as visitors:
            with self._written() as seen:
                time.sleep(stay_s)
                moment, end = self._strike(blow)
                if blow.whom != OLD_HOST:
                    self._go_on(blow, end, seen)
            if blow.whom == OLD_HOST:  # the clients went with it, and others come
                with self._written(answered=False) as seen:
                    self._go_on(blow, end, seen)
            seconds = time.monotonic() - moment
        written = self.ledgers[first:]
        return Outcome(
            blow,
            end,
            seconds,
            longest_wait_s([client for run in written for client in run.clients]),
            sum(len(seen.acknowledged) for seen in written),
            sum(len(seen.errors) for seen in written),
            len(visitors.requests),
            len(visitors.failed()),
            [*self._wrong_writes(blow), *_wrong_requests(blow, visitors), *self._in_between(blow)],
        )

    @contextmanager
    def _written(self, *, answered: bool = True) -> Iterator[Ledger]:
        with ledger(self.old.app, CLIENTS, answered=answered) as seen:
            self.ledgers.append(seen)
            yield seen

    def _go_on(self, blow: Blow, end: str, seen: Ledger) -> None:
        if end == FAILED:
            self.run(blow.step, TRIES)
        seen.wait_for_all(time.time(), BACK_S)

    def _strike(self, blow: Blow) -> tuple[float, str]:
        """The moment of the blow, and what became of the run."""
        if blow.whom == NOTHING:
            moment = time.monotonic()
            self.run(blow.step)
            return moment, DONE
        run = self.start(blow.step)
        run.reach(moment_of(self.timelines[blow.step], blow.share))
        is_in_time = run.process.poll() is None
        moment = time.monotonic()
        if blow.whom == "operator":
            run.kill()
        else:
            STRIKES[blow.whom](self.old, self.new)
        run.end()
        if blow.whom in HOSTS:
            _power_back(self.old if blow.whom == OLD_HOST else self.new)
        if run.process.returncode != 0:
            return moment, FAILED
        return moment, DONE if is_in_time else TOO_LATE

    def _wrong_writes(self, blow: Blow) -> list[str]:
        """Of all that was ever written: a later step may lose what an earlier one kept."""
        rows = self.old.ask("SELECT id FROM ledger")
        lost = doubled = 0
        for seen in self.ledgers:
            stored = seen.stored(rows)
            lost += len(seen.acknowledged - set(stored))
            doubled += sum(count > 1 for count in stored.values())
        last = self.ledgers[-1]
        wrong = {
            "acknowledged writes lost": lost,
            "writes doubled": doubled,
            "clients that hang": max(0, last.hung),
            "errors of clients": len(last.errors) if blow.whom in UNNOTICED else 0,
        }
        return [f"{count} {what}" for what, count in wrong.items() if count]

    def _in_between(self, blow: Blow) -> list[str]:
        """What is not as it should be after the step."""
        wrong = []
        for product, wanted in zip((self.old, self.new), AFTER[blow.step], strict=True):
            if (is_so := _side(product)) != wanted:
                wrong.append(f"{product.stack.name}: should be {wanted}, got {is_so}")
        until("stage 1 to answer", self.old.answers, BACK_S)
        if blow.step == STEPS[-1]:
            wrong += _left_over(self.old, self.new)
        return wrong


def _wrong_requests(blow: Blow, visitors: Load) -> list[str]:
    failed = visitors.failed() if blow.whom in {NOTHING, "operator"} else []
    return [f"{len(failed)} requests failed: {sorted(set(failed))}"] if failed else []


def _power_back(product: Product) -> None:
    """As for any host that is lost: the ``up`` starts it, and may refuse to do more meanwhile."""
    Watched(product.stack).end()
    assert {product.app.state(), product.database.state()} == {"running"}


def _kill(product: Product, unit: str, *, database: bool = False) -> None:
    kill_units(product.database if database else product.app, [unit], "main")


def _kill_where_it_runs(product: Product, unit: str) -> None:
    """The tunnel is not there at the beginning of a copy and at the end of a rollback."""
    product.app.run(["systemctl", "kill", "--signal=KILL", unit])


def _side(product: Product) -> Side:
    web = ["systemctl", "list-units", "--plain", "--no-legend", "--state=active", "web@*"]
    return Side(
        bool(product.app.run(web).stdout.strip()),
        _names(product, "SELECT slot_name FROM pg_replication_slots ORDER BY 1"),
        _names(product, "SELECT subname FROM pg_subscription ORDER BY 1"),
    )


def _names(product: Product, sql: str) -> tuple[str, ...]:
    """As PostgreSQL's superuser on the database's own host."""
    psql = ["psql", "-XAtq", "-h", "/run/postgresql", "-c", sql]
    done = product.database.run(["runuser", "-u", "postgres", "--", *psql])
    assert done.returncode == 0, done.stderr
    return tuple(done.stdout.split())


def _left_over(old: Product, new: Product) -> list[str]:
    """What is not as before the promotion."""
    wrong = []
    if server := old.ask("SELECT host(inet_server_addr())"):
        wrong.append(f"{old.stack.name}: should use its own database, got that of {server}")
    for product in (old, new):
        until(f"{product.stack.name} to answer", product.answers, BACK_S)
        files = "ls -d /etc/systemd/system/stages-promotion* /etc/stages-promotion"
        files += " /var/lib/stages-host/promotion* 2>/dev/null || true"
        if left := product.app.run(["sh", "-c", files]).stdout.split():
            wrong.append(f"{product.stack.name}: should have no file of it, got {left}")
        asked = (
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'stages_promotion%'"
            " UNION ALL SELECT datname FROM pg_database WHERE datname LIKE '%promotion%'"
        )
        published = "SELECT pubname FROM pg_catalog.pg_publication"
        if left := [*_names(product, asked), *product.ask(published).split()]:
            wrong.append(f"{product.stack.name}: should have nothing of it, got {left}")
    return wrong
