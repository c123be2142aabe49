"""What a text book says of connections and poolers, measured on the stages' own configuration.

Stage 2 with a pool of 25 and stage 1 beside it, on hosts of this machine. All that is compared is
measured in one run, in an order that is turned round in every other one. Two things are not as in
the stage: the database takes 600 connections, for its plan's limit (100) refuses most of what is
tried past the pooler; and there is a delay proxy for distance, for hosts of one machine have none.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.claims import poolers
from benchmarks.claims.poolers import PROXY_PORT, Pooler
from benchmarks.claims.side import FOLDER, Side
from benchmarks.claims.watching import Watch, watched
from benchmarks.measures import Book, Measure, ratio
from components.host import pgbouncer
from components.seam.operations import Reporter
from tests.support.clone import Clone, clone

CIDRS = {1: "10.91.80.0/24", 2: "10.91.81.0/24"}
PLAN = "local-db-4gb"
"""The smallest with a pool of 25."""
DIRECT_LIMIT = 600
POOL = 25
"""The most server connections that should be enough for 100 clients."""
TIMES = 30.0
"""How many times direct the stage's own way should be, with 100 clients that connect anew."""
TABLES, HELD = 200, 20
DISTANCES_MS = (0, 1, 10)
CONNECTING = (20, 100, 500)
PERSISTENT = (50, 200, 500)
DISTANCES = {"proxy": 0, "far": 1}
"""Of the database behind a pooler, in ms, by the key of the measures: the first is the proxy's own
price."""
QUERIES = (1, 10, 100)
WAYS: Mapping[str, tuple[str, Pooler | None]] = {
    "direct": ("TLS and SCRAM to PostgreSQL", None),
    "scram": ("PgBouncer: SCRAM, list of passwords", poolers.SCRAM),
    "verifier": ("PgBouncer: SCRAM, verifiers", poolers.VERIFIER),
    "md5": ("PgBouncer: md5", poolers.MD5),
    "peer": ("PgBouncer: peer, as the stage has it", None),
    "trust": ("PgBouncer: trust", poolers.TRUST),
}
"""How a client is known, by the key of the measures."""
MODES: Mapping[str, Pooler | None] = {
    "transaction": None,
    "session": poolers.SESSION,
    "statement": poolers.STATEMENT,
}


def measure(
    runs: int, say: Reporter, seconds: int = 3, cidrs: Mapping[int, str] = CIDRS
) -> tuple[Measure, ...]:
    """Measure on stacks of its own; ``seconds`` is the length of each run of pgbench."""
    book = Book()
    with tempfile.TemporaryDirectory(prefix="stages-bench-") as scratch:
        own = clone(Path(scratch) / "own")
        with _stacks(own, cidrs, say) as (stage1, stage2):
            _get_ready(stage1, stage2)
            for run in range(1, runs + 1):
                began = time.monotonic()
                for part in (_memory, _opening):
                    part(book, stage2)
                _hops(book, stage1, stage2)
                _connecting(book, stage2, seconds, backwards=run % 2 == 0)
                _persistent(book, stage2, seconds, backwards=run % 2 == 0)
                modes(book, stage2, seconds)
                say(f"claims, run {run}: {time.monotonic() - began:.0f} s")
    return book.measures()


@contextmanager
def _stacks(own: Clone, cidrs: Mapping[int, str], say: Reporter) -> Iterator[tuple[Side, Side]]:
    """Both stages, up; taken away whatever happens."""
    name = f"b{os.getpid()}-claims"
    first = own.stack(f"{name}1", stage=1, network__cidr=cidrs[1])
    second = own.stack(f"{name}2", stage=2, network__cidr=cidrs[2], database__plan=PLAN)
    try:
        for stack in (first, second):
            say(f"claims: bringing {stack.name} up")
            stack.make("up")
        yield Side(first.name), Side(second.name)
    finally:
        say("claims: taking the stacks away")
        for stack in (first, second):
            stack.take_away()


def _get_ready(stage1: Side, stage2: Side) -> None:
    for side, tables in ((stage1, 0), (stage2, TABLES)):
        side.get_ready(tables)
        # Only the app under test should be busy.
        side.root(["systemctl", "stop", "web@*.service", "worker@*.service"])
    # Read after the plan's own number, which it replaces.
    limit = f"echo max_connections = {DIRECT_LIMIT} >> /etc/postgresql/17/main/replication.conf"
    stage2.root(["sh", "-euc", limit], on=stage2.database)
    stage2.root(["systemctl", "restart", "postgresql@17-main"], on=stage2.database)


def _memory(book: Book, side: Side) -> None:
    """A connection's private memory and its share, idle and after it has seen 200 tables."""
    with side.started("python3", f"{FOLDER}/client.py", "hold", side.direct(), HELD, TABLES) as run:
        assert run.stdin is not None and run.stdout is not None  # noqa: S101
        pids = json.loads(run.stdout.readline())
        for moment in ("idle", f"after {TABLES} tables"):
            if moment != "idle":
                run.stdin.write("\n")
                run.stdin.flush()
                run.stdout.readline()
            for kind, mib in side.memory(pids).items():
                key = f"memory.{kind}.{'idle' if moment == 'idle' else 'tables'}"
                book.note(key, f"memory of a connection, {kind}, {moment}", mib, "MiB")


def _opening(book: Book, side: Side) -> None:
    """The time until a connection is open: past the pooler by distance, and the app's own way."""
    title = "to open a connection"
    times = side.client("open", side.direct(), 20)
    book.note("open.direct.near", f"{title}, direct, no proxy", _ms(times), "ms")
    for far in DISTANCES_MS:
        with side.delayed(PROXY_PORT, far) as port:
            times = side.client("open", side.direct(port), 20)
        book.note(f"open.direct.{far}", f"{title}, direct, {far} ms round trip", _ms(times), "ms")
    times = side.client("open", side.pooled, 100)
    book.note("open.peer", f"{title}, to PgBouncer's socket", _ms(times), "ms")


def _hops(book: Book, stage1: Side, stage2: Side) -> None:
    """A page of some queries, one after the other, by how far the database is away."""

    def ask(key: str, title: str, side: Side, url: str) -> None:
        for count in QUERIES:
            times = side.client("page", url, count, 20)
            what = f"a page of {count} {'query' if count == 1 else 'queries'}, {title}"
            book.note(f"page.{key}.{count}", what, _ms(times), "ms")

    ask("socket", "stage 1, socket", stage1, stage1.pooled)
    ask("network", "stage 2, network of this machine", stage2, stage2.pooled)
    for key, far in DISTANCES.items():
        with stage2.delayed(PROXY_PORT, far), poolers.running(stage2, poolers.FAR) as url:
            ask(key, f"stage 2, proxy of {far} ms round trip", stage2, url)


def _connecting(book: Book, side: Side, seconds: int, *, backwards: bool) -> None:
    """A connection for each query, by the way in which a client is known."""
    for clients in CONNECTING:
        rates = {}
        for name in sorted(WAYS, reverse=backwards):
            with way(side, name) as url:
                rates[name] = side.pgbench(url, clients, seconds, "-S", "-C", threads=clients)
        for name, (title, _) in WAYS.items():
            key, title_ = f"connect.{name}.{clients}", f"{clients} clients connect anew: {title}"
            book.note(key, title_, rates[name], "a second")
        book.note(
            f"connect.times.{clients}",
            f"{clients} clients connect anew: the stage's own way against direct",
            ratio(rates["peer"], rates["direct"]),
            "times",
            TIMES if clients == 100 else None,
            at_least=True,
        )


@contextmanager
def way(side: Side, name: str) -> Iterator[str]:
    """The way to the database, one of ``WAYS``, while its pooler runs."""
    pooler = WAYS[name][1]
    if pooler:
        with poolers.running(side, pooler) as url:
            yield url
    else:
        yield side.direct() if name == "direct" else side.pooled


def _persistent(book: Book, side: Side, seconds: int, *, backwards: bool) -> None:
    """Clients that keep their connection and ask without a pause."""
    for clients in PERSISTENT:
        rates = {}
        for way in sorted(("direct", "pooled"), reverse=backwards):
            # pgbench counts from when all are connected, but its time runs before.
            connecting_s = clients // 50 if way == "direct" else 0
            url = side.direct() if way == "direct" else side.pooled
            rates[way] = side.pgbench(url, clients, seconds + connecting_s, "-S")
        for way, rate in sorted(rates.items()):
            title = f"{clients} clients stay connected: {way}"
            book.note(f"persistent.{way}.{clients}", title, rate, "a second")
        times = ratio(rates["pooled"], rates["direct"])
        title = f"{clients} clients stay connected: pooled against direct"
        book.note(f"persistent.times.{clients}", title, times, "times")


def modes(book: Book, side: Side, seconds: int) -> None:
    """100 clients that think for 50 ms after each query, by pool mode."""
    script = ["-f", f"{FOLDER}/think.sql"]
    for mode, pooler in MODES.items():
        title = f"100 clients with 50 ms think time, {mode} mode"
        if pooler:
            with poolers.running(side, pooler) as url:
                seen = _watched(side, pooler.name, url, seconds, script)
        else:
            seen = _watched(side, Path(pgbouncer.SOCKET_FOLDER).name, side.pooled, seconds, script)
        own, key = mode == "transaction", f"mode.{mode}"
        book.note(f"{key}.rate", title, seen.rate, "a second")
        servers, most = f"{title}: server connections", POOL if own else None
        book.note(f"{key}.servers", servers, seen.servers, "connections", most)
        waiting = f"{title}: waited longest"
        book.note(f"{key}.longest", waiting, seen.longest_ms, "ms")
        mean, least = f"{title}: mean wait for a server connection", 1.0 if own else None
        book.note(f"{key}.wait", mean, seen.wait_ms, "ms", least)


def _watched(side: Side, pooler: str, url: str, seconds: int, script: list[str]) -> Watch:
    side.pgbench(url, 100, 1, *script)  # opens the server connections
    with watched(side, pooler) as watch:
        watch.rate = side.pgbench(url, 100, seconds, *script)
    return watch


def _ms(seconds: list[float]) -> float:
    return statistics.median(seconds) * 1000
