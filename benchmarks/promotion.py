"""What clients notice of a promotion: 1 GB goes to stage 2 and back, again and again.

100 clients write through PgBouncer of stage 1 all the time, and a page that asks the database is
requested through its Nginx. Each run is a copy, a switch and a rollback between the same two
stacks, and then ``pg_dump | pg_restore`` to compare the copy with. Everything is on one machine:
the copy takes processor from the clients, and the network between the servers is faster than one
between two clouds. Each host's units have the shares of the processor that systemd gives them.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bulk
from benchmarks.charts import Group, Line, Mark, Picture, Shade, bars, lines
from benchmarks.deploys import Span, p99_ms
from benchmarks.deploys.load import Load, load
from benchmarks.failover import longest_wait_s
from benchmarks.measures import Book, Measure, Result, ratio
from benchmarks.shares import as_on_a_server
from components.clouds.local.hosts import inventory
from components.clouds.local.hosts.nspawn import Host
from components.errors import StepFailed
from components.host import pgbouncer
from tests.support.clone import Stack, clone
from tests.support.ledger import Ledger, ledger

CIDRS = {1: "10.91.86.0/24", 2: "10.91.87.0/24"}
CLIENTS = 100
PER_SECOND = 20.0
REST_S = 20.0
BETWEEN_S = 10.0
STALL_S = 1.0
"""The aim: the longest time that the switch lets clients wait."""
STALL_LIMIT_S = 30.0
"""The switch would give up after 5 s; here it is measured instead."""
RATIO = 2.0
"""The aim: p99 of the page during the copy by p99 at rest."""
DUMP_RATIO = 1.0
"""The aim: the rows by ``pg_dump | pg_restore``."""
LEDGER_ROWS = 1_000_000
LEDGER = f"""
    CREATE TABLE ledger (id bigint NOT NULL);
    ALTER TABLE ledger REPLICA IDENTITY FULL;
    INSERT INTO ledger SELECT -n FROM generate_series(1, {LEDGER_ROWS}) AS n;
"""  # noqa: S608 - of constants
SYNCHRONIZED = "logical replication table synchronization worker"
LAG = """
    SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)) / 2^20
    FROM pg_replication_slots WHERE slot_name LIKE 'stages_promotion%'
"""
AS_POSTGRES = ("runuser", "-u", "postgres", "--")
SERIES = {
    "answers": ("requests through Nginx of stage 1", "slowest request of the second, ms"),
    "writes": (f"acknowledged to {CLIENTS} clients of PgBouncer", "writes in the second"),
    "lag": ("the database that follows", "MiB behind"),
}
STEPS = {"copy": "the copy", "switch": "the switch", "rollback": "the rollback"}
WORDS = {
    "copy": ["--replace"],
    "switch": ["--stall-limit-s", f"{STALL_LIMIT_S:g}"],
    "rollback": ["--stall-limit-s", f"{STALL_LIMIT_S:g}"],
}


@dataclass
class Pair:
    """Two stacks, and the server of the first."""

    old: Stack
    new: Stack
    app: Host
    database: Host

    def promote(self, step: str) -> str:
        """Run one step; return what it said."""
        stacks = ("--from", self.old.name, "--to", self.new.name)
        return self.old.clone.run("promote", *stacks, f"--{step}", *WORDS[step], "--yes")

    def ask(self, sql: str) -> str:
        """Ask as the app, through its pool."""
        psql = [pgbouncer.PSQL, "-XAtqv", "ON_ERROR_STOP=1", pgbouncer.SOCKET_URL]
        done = self.app.run(["runuser", "-u", "app", "--", *psql], stdin=sql, timeout_s=900)
        if done.returncode != 0:
            raise StepFailed(f"The database should answer, got: {done.stderr.strip()}")
        return done.stdout


def measure(runs: int, say: Callable[[str], None]) -> tuple[Measure, ...]:
    """Measure between two stacks of its own."""
    book = Book()
    with tempfile.TemporaryDirectory(prefix="stages-bench-") as scratch:
        checkout = clone(Path(scratch) / "own", quick=True)
        old, new = (
            checkout.stack(f"b{os.getpid()}-stage{stage}", stage=stage, network__cidr=cidr)
            for stage, cidr in CIDRS.items()
        )
        try:
            for stack in (old, new):
                say(f"promotion: bringing {stack.name} up")
                stack.make("up")
            app = inventory.find(old.resource("HostConfiguration")["id"])
            if app is None:
                raise StepFailed(f"{old.name}: should have an app server, got none")
            database = next(
                host for host in inventory.every(new.name) if "-app" not in host.folder.name
            )
            pair = Pair(old, new, app, database)
            say("promotion: filling the database")
            pair.ask(bulk.FILL + LEDGER)
            for run in range(1, runs + 1):
                with as_on_a_server(old.name, new.name):
                    waited_s = _run(book, pair)
                say(f"promotion, run {run}: clients waited {waited_s:.2f} s for the switch")
        finally:
            for stack in (old, new):
                say(f"promotion: taking {stack.name} away")
                stack.take_away()
    return book.measures()


def _run(book: Book, pair: Pair) -> float:
    """There and back; how long the switch let clients wait, in seconds."""
    size_mib = int(pair.ask("SELECT pg_database_size(current_database())")) / 2**20
    book.note("promotion.size", "the database", size_mib, "MiB")
    url = f"{pair.old.outputs()['url']}/health"
    spans: dict[str, Span] = {}
    stalls: dict[str, float] = {}
    with (
        ledger(pair.app, CLIENTS) as written,
        load(url, per_second=PER_SECOND) as seen,
        lag(pair, seen.began) as behind,
    ):
        epoch_s = time.time() - (time.monotonic() - seen.began)
        time.sleep(REST_S)
        resting = Span(seen.began, time.monotonic())
        for step in STEPS:
            began = time.monotonic()
            said = pair.promote(step)
            spans[step] = Span(began, time.monotonic(), time.monotonic() - began)
            if waited := re.search(r"Clients waited for ([\d.]+) s", said):
                stalls[step] = float(waited[1])
            if step == "copy":
                rows_s = synchronized_s(pair.database, spans[step].took_s)
            time.sleep(BETWEEN_S)
        written.wait_for_all(time.time(), 60)
        dump_s = dump(pair)
    book.note("promotion.dump", "`pg_dump | pg_restore` of the same database", dump_s)
    book.note("promotion.rows", "the rows, of the copy's time", rows_s)
    for what, took_s in (("rows", rows_s), ("copy", spans["copy"].took_s)):
        aim = DUMP_RATIO if what == "rows" else None
        title = f"the {what}, by `pg_dump | pg_restore`"
        book.note(f"promotion.{what}.by-dump", title, ratio(took_s, dump_s), "times", aim)
    _note_steps(book, seen, resting, spans, stalls)
    _note_writes(book, pair, written)
    slowest = slowest_ms(seen)
    writes = Counter(int(at - epoch_s) for client in written.clients for _, at in client)
    for second, ms in enumerate(slowest):
        book.note(f"promotion.series.answers.{second}", f"slowest in second {second}", ms, "ms")
        book.note(f"promotion.series.writes.{second}", "written then", writes[second], "writes")
        book.note(f"promotion.series.lag.{second}", "behind then", behind[second], "MiB")
    for step, span in spans.items():
        for end, at in (("began", span.began), ("ended", span.ended)):
            book.note(f"promotion.series.{step}.{end}", f"{step} {end}", at - seen.began)
    return stalls["switch"]


def synchronized_s(database: Host, within_s: float) -> float:
    """How long the tables' synchronization took in the last seconds, by PostgreSQL's own log."""
    log = ["journalctl", "--output=short-unix", f"--since=-{within_s:.0f}s"]
    said = database.run([*log, f"--grep={SYNCHRONIZED}"]).stdout
    times = [float(at) for at in re.findall(rf"^([\d.]+) .*{SYNCHRONIZED}", said, re.MULTILINE)]
    return max(times) - min(times)


@contextmanager
def lag(pair: Pair, began: float) -> Iterator[Mapping[int, float]]:
    """How far the database that follows is behind, in MiB, by second; 0 while none follows."""
    behind: dict[int, float] = defaultdict(float)
    end = threading.Event()

    def sample() -> None:
        while not end.wait(1 - (time.monotonic() - began) % 1):
            asked = [
                host.run([*AS_POSTGRES, "psql", "-XAtqc", LAG]).stdout
                for host in (pair.app, pair.database)
            ]
            behind[int(time.monotonic() - began)] = max(float(mib.strip() or 0) for mib in asked)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield behind
    finally:
        end.set()
        sampler.join()


def dump(pair: Pair) -> float:
    """Dump the database of stage 1 into a scratch one of stage 2, while the clients go on: nothing
    is compressed, nothing encrypted, and no network is between; how long it takes, in seconds."""
    pair.database.run([*AS_POSTGRES, "createdb", "dumped"])
    began = time.monotonic()
    with subprocess.Popen(
        pair.app.inside([*AS_POSTGRES, "pg_dump", "-Fc", "--compress=none", "app"]),
        stdout=subprocess.PIPE,
    ) as source:
        restore = [*AS_POSTGRES, "pg_restore", "--no-owner", "--no-privileges", "-d", "dumped"]
        done = subprocess.run(pair.database.inside(restore), stdin=source.stdout, check=False)
    took_s = time.monotonic() - began
    pair.database.run([*AS_POSTGRES, "dropdb", "dumped"])
    if done.returncode or source.returncode:
        raise StepFailed("`pg_dump | pg_restore` should end well, got an error, see above")
    return took_s


def _note_steps(
    book: Book, seen: Load, resting: Span, spans: Mapping[str, Span], stalls: Mapping[str, float]
) -> None:
    rest = p99_ms(seen, resting)
    book.note("promotion.requests", "requests through Nginx", len(seen.requests), "requests")
    book.note("promotion.failed", "failed requests", len(seen.failed()), "requests", 0.0)
    book.note("promotion.rest", "p99 of the page at rest", rest, "ms")
    for step, words in STEPS.items():
        during, aim = p99_ms(seen, spans[step]), RATIO if step == "copy" else None
        book.note(f"promotion.{step}", f"{words}, from the command to its end", spans[step].took_s)
        if step in stalls:
            title = f"how long {words} let clients wait"
            book.note(f"promotion.{step}.stall", title, stalls[step], "s", STALL_S)
        book.note(f"promotion.{step}.p99", f"p99 of the page during {words}", during, "ms")
        by_rest = f"p99 of the page during {words}, by that at rest"
        book.note(f"promotion.{step}.ratio", by_rest, ratio(during, rest), "times", aim)


def _note_writes(book: Book, pair: Pair, written: Ledger) -> None:
    rows = pair.ask(f"SELECT id FROM ledger WHERE id >= {written.first}")  # noqa: S608
    stored: Counter[int] = written.stored(rows)
    acknowledged = written.acknowledged
    longest = longest_wait_s(written.clients)
    book.note("promotion.writes", "acknowledged writes", len(acknowledged), "writes")
    for key, title, value, unit in (
        ("lost", "acknowledged writes lost", len(acknowledged - set(stored)), "writes"),
        ("doubled", "writes doubled", sum(count > 1 for count in stored.values()), "writes"),
        ("errors", "errors of clients that write", len(written.errors), "errors"),
    ):
        book.note(f"promotion.{key}", title, value, unit, 0.0)
    book.note("promotion.longest", "the longest wait of a client that writes", longest)


def slowest_ms(seen: Load) -> Sequence[float]:
    """The slowest request that began in each second, in milliseconds; 0 without any."""
    slowest: Counter[int] = Counter()
    for request in seen.requests:
        second = int(request.at - seen.began)
        slowest[second] = max(slowest[second], round(request.took_s * 1000))
    return [slowest[second] for second in range(max(slowest, default=-1) + 1)]


def draw(result: Result) -> Mapping[str, Picture]:
    """The waits of clients; and the answers of the last run, from second to second."""
    waits = [
        (words, result.of(f"promotion.{step}.stall"))
        for step, words in STEPS.items()
        if step != "copy"
    ]
    waits.append(("the longest wait of a client in a run", result.of("promotion.longest")))
    marks = [
        Mark(
            step,
            span=(
                result.of(f"promotion.series.{step}.began").values[-1],
                result.of(f"promotion.series.{step}.ended").values[-1],
            ),
        )
        for step in STEPS
    ]
    title = f"How long a promotion of 1 GB lets {CLIENTS} clients wait"
    aim = Shade(0, STALL_S, "aim")
    pictures = {
        "promotion": bars(
            title, [Group("clients of stage 1", waits)], "seconds", result.where, shade=aim
        )
    }
    for what, (line, upwards) in SERIES.items():
        title = f"A promotion and its rollback: {upwards}"
        points = [
            (int(measure.key.rpartition(".")[2]) + 0.5, measure.values[-1])
            for measure in result.measures
            if measure.key.startswith(f"promotion.series.{what}.")
            if len(measure.values) == result.runs
        ]
        pictures[f"promotion-{what}"] = lines(
            title, [Line(line, points)], ("seconds", upwards), result.where, marks
        )
    return pictures
