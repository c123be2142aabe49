"""How long the clients of a stage wait when the database's primary dies or falls silent.

50 clients write all the time. The primary fails, the operator's command lets the standby take over,
and the ledger knows when each client was answered again and what was acknowledged. Client and
faults are those of the tests (``tests/real``): what is measured is what is tested.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.charts import Group, Picture, Shade, bars
from benchmarks.measures import Book, Measure, Result
from components.clouds.local.database import cluster
from components.clouds.local.database.cluster import Cluster
from components.clouds.local.hosts import machine
from components.clouds.local.hosts.nspawn import Host
from components.errors import StepFailed
from components.host import pgbouncer
from tests.support.clone import Stack, clone
from tests.support.ledger import ledger
from tests.support.links import blackhole

CIDR = "10.91.82.0/24"
BACK_S = 10.0
"""The aim: from the name's move until every client has been answered."""
PATIENCE_S = 180
"""With PgBouncer's defaults some clients of a silent primary take this long or never come back."""
KINDS = {"dead": "primary dead", "silent": "primary silent"}


def measure(runs: int, say: Callable[[str], None]) -> tuple[Measure, ...]:
    """Measure on a stack of its own, with a standby."""
    book = Book()
    with tempfile.TemporaryDirectory(prefix="stages-bench-") as scratch:
        stack = clone(Path(scratch) / "own").stack(
            f"b{os.getpid()}-failover", stage=2, network__cidr=CIDR, database__standby=True
        )
        try:
            say(f"failover: bringing {stack.name} up")
            stack.make("up")
            for run in range(1, runs + 1):
                for kind in KINDS:
                    _take_over(book, stack, kind)
                    stack.make("up")  # the old primary becomes the standby
                    say(f"failover, run {run}: {KINDS[kind]}, mended")
        finally:
            say(f"failover: taking {stack.name} away")
            stack.take_away()
    return book.measures()


def _take_over(book: Book, stack: Stack, kind: str) -> None:
    known = _known(stack.name)
    app, old = _host(known, f"{stack.name}-app"), _host(known, known.primary)
    with ledger(app) as seen:
        failed_s = time.time()
        with _failed(old, kind):
            stack.make("failover", "YES=1")
            moved_s = (machine.stack_folder(stack.name) / "names.json").stat().st_mtime
            seen.wait_for_all(moved_s, PATIENCE_S)
    lost = seen.acknowledged - _stored(app)
    title = KINDS[kind]
    for key, what, value, unit, aim in (
        ("back", "all clients back after the name's move", seen.back_after_s(moved_s), "s", BACK_S),
        ("moved", "from the fault to the name's move", moved_s - failed_s, "s", None),
        ("stall", "the longest wait of a client", longest_wait_s(seen.clients), "s", None),
        ("lost", "acknowledged writes lost", len(lost), "writes", 0.0),
        ("hung", "clients that hung", seen.hung, "clients", 0.0),
    ):
        book.note(f"failover.{kind}.{key}", f"{title}: {what}", value, unit, aim)
    book.note(
        f"failover.{kind}.acknowledged",
        f"{title}: acknowledged writes",
        len(seen.acknowledged),
        "writes",
    )


def longest_wait_s(clients: list[list[tuple[int, float]]]) -> float:
    """The longest time between two answers that one client got."""
    return max(
        after - before
        for answers in clients
        for (_, before), (_, after) in itertools.pairwise(answers)
    )


@contextmanager
def _failed(host: Host, kind: str) -> Iterator[None]:
    if kind == "silent":
        with blackhole(host.spec().address):
            yield
    else:
        host.kill()
        yield


def _stored(app: Host) -> set[int]:
    psql = [pgbouncer.PSQL, "-XAtqc", "SELECT id FROM ledger", pgbouncer.SOCKET_URL]
    done = app.run(["runuser", "-u", "app", "--", *psql])
    if done.returncode != 0:
        raise StepFailed(f"The ledger should be read, got: {done.stderr.strip()}")
    return {int(line) for line in done.stdout.split()}


def _known(stack: str) -> Cluster:
    known = cluster.find(stack, stack)
    if known is None:
        raise StepFailed(f"{stack}: should have a database, got none")
    return known


def _host(known: Cluster, name: str) -> Host:
    host = known.host(name)
    if host is None:
        raise StepFailed(f"{known.stack}: should have a host {name}, got none")
    return host


def draw(result: Result) -> Mapping[str, Picture]:
    """Its picture, by name."""
    words = {
        "moved": "fault to move of the name",
        "back": "move to all clients back",
        "stall": "longest wait of a client",
    }
    groups = [
        Group(title, [(word, result.of(f"failover.{kind}.{key}")) for key, word in words.items()])
        for kind, title in KINDS.items()
    ]
    aim = Shade(0, BACK_S, "aim for all clients back")
    title = "50 clients that write while the primary fails and the standby takes over"
    return {"failover": bars(title, groups, "seconds", result.where, shade=aim)}
