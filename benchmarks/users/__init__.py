"""Users who browse both stages: what they wait for, where the knee is, what a heavy query does.

Both stages are up at the same time on hosts of this machine, with a domain, TLS and the sample app;
what is compared is measured one right after the other. The generator shares the machine's cores
with the hosts, ahead of them. For the heavy query each host is held to a core: stage 1 and stage
2's app server to the first, stage 2's database to the second.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measures import Book, Measure
from benchmarks.users import cores, knee
from benchmarks.users.load import SPAWN_S, Asked, Seen, browse, each_second, seen
from components.clouds.local.hosts import inventory, usage
from components.clouds.local.hosts.nspawn import Host
from components.errors import MissingRequirement, StepFailed
from components.host import pgbouncer
from components.seam.operations import Reporter
from tests.support.clone import Clone, clone

CIDRS = {1: "10.91.85.0/24", 2: "10.91.86.0/24"}
DOMAIN = "bench.stages.test"
USERS = {1: 100, 2: 1000}
WARM_S, STEP_S, LONG_S = SPAWN_S + 1, 10, 15
HEAVY_USERS = 100
BEFORE_S, DURING_S, AFTER_S = 6, 8, 4
"""The heavy query ends by itself after 8 s."""
HEAVY = """DO $$ BEGIN LOOP
  PERFORM count(*) FROM (
    SELECT md5(n::text) AS hash FROM generate_series(1, 100000) AS n ORDER BY hash) AS sorted;
  EXIT WHEN clock_timestamp() > now() + interval '8 seconds';
END LOOP; END $$"""
"""Sorts on one core for its time and holds no lock: what it takes from others is processor."""


class Stage:
    """One stack that is up."""

    def __init__(self, number: int, stack: str, site: str) -> None:
        self.number, self.site = number, site
        by_name = {host.folder.name: host for host in inventory.every(stack)}
        # A server that replaced another has a name of its own behind that.
        (self.app,) = [by_name[name] for name in by_name if name.startswith(f"{stack}-app")]
        self.database: Host = by_name.get(stack, self.app)
        self.hosts = {"app server": self.app}
        if self.database is not self.app:
            self.hosts["database"] = self.database
        self.address = f"{self.app.spec().network.rpartition('.')[0]}.10"

    def browse(self, users: int, seconds: float) -> list[Asked]:
        return browse(self.site, self.address, users, seconds)


def measure(runs: int, say: Reporter) -> tuple[Measure, ...]:
    """Measure on stacks of its own; the steps to the knee are done once."""
    book = Book()
    with (
        tempfile.TemporaryDirectory(prefix="stages-bench-") as scratch,
        _stacks(clone(Path(scratch) / "own"), say) as stages,
    ):
        for run in range(1, runs + 1):
            for stage in stages if run % 2 else reversed(stages):
                _users(book, stage)
                _heavy(book, stage)
            say(f"users, run {run}: done")
        for stage in stages:
            _knee(book, stage, say)
    return book.measures()


@contextmanager
def _stacks(own: Clone, say: Reporter) -> Iterator[tuple[Stage, ...]]:
    """Both stages, up; taken away whatever happens."""
    stacks = {
        stage: own.stack(
            f"u{os.getpid()}-users{stage}",
            stage=stage,
            network__cidr=cidr,
            domain=DOMAIN,
            tls__acme_server="https://acme.stages.test/directory",  # nobody: it stays inside
        )
        for stage, cidr in CIDRS.items()
    }
    try:
        for stack in stacks.values():
            say(f"users: bringing {stack.name} up")
            stack.make("up")
        site = f"https://{DOMAIN}"
        yield tuple(Stage(number, stack.name, site) for number, stack in stacks.items())
    finally:
        say("users: taking the stacks away")
        for stack in stacks.values():
            stack.take_away()


def during(stage: Stage, users: int, seconds: float) -> tuple[Seen, Mapping[str, float]]:
    """What users saw after all had come, and the percent of a core that hosts and asking took."""
    marks = []

    def look() -> None:
        marks.append(
            (time.time(), {name: usage.processor_s(host) for name, host in stage.hosts.items()})
        )

    timers = [threading.Timer(at, look) for at in (WARM_S, WARM_S + seconds)]
    for timer in timers:
        timer.start()
    own = cores.used_by_children_s()
    asked = stage.browse(users, WARM_S + seconds)
    own = cores.used_by_children_s() - own
    for timer in timers:
        timer.join()
    (began, before), (ended, after) = marks
    used = {name: 100 * (after[name] - before[name]) / (ended - began) for name in stage.hosts}
    used["generator"] = 100 * own / (WARM_S + seconds)
    return seen(asked, began, ended), used


def _users(book: Book, stage: Stage) -> None:
    users = USERS[stage.number]
    answers, used = during(stage, users, LONG_S)
    key, title = f"users.stage{stage.number}", f"stage {stage.number}, {users:,} users"
    book.note(f"{key}.p50", f"{title}: p50", answers.p50_ms, "ms")
    book.note(f"{key}.p99", f"{title}: p99", answers.p99_ms, "ms", knee.P99_MS)
    book.note(f"{key}.errors", f"{title}: errors", answers.errors, "%", knee.ERRORS)
    book.note(f"{key}.rate", f"{title}: good answers", answers.rate, "a second")
    for name, percent in used.items():
        book.note(f"{key}.cpu.{name}", f"{title}: processor of the {name}", percent, "% of a core")


def _heavy(book: Book, stage: Stage) -> None:
    """A heavy query while users browse; hosts on their own cores."""
    own = sorted(os.sched_getaffinity(0))
    if len(own) < 2:
        raise MissingRequirement("This machine: should have 2 cores, got 1")
    span = list[float]()

    def ask() -> None:
        psql = [pgbouncer.PSQL, "-XAtqc", HEAVY, pgbouncer.SOCKET_URL]
        span.append(time.time())
        done = stage.app.run(["runuser", "-u", "app", "--", *psql])
        if done.returncode == 0:
            span.append(time.time())

    with cores.held({stage.app: own[0], stage.database: own[1 if stage.number == 2 else 0]}):
        asking = threading.Timer(WARM_S + BEFORE_S, ask)
        asking.start()
        asked = stage.browse(HEAVY_USERS, WARM_S + BEFORE_S + DURING_S + AFTER_S)
        asking.join()
    if len(span) != 2:
        raise StepFailed("The heavy query: should come to its end, got an error")
    key, title = f"heavy.stage{stage.number}", f"stage {stage.number}, {HEAVY_USERS} users"
    began = span[0] - BEFORE_S
    for when, word, of in (
        ("before", "before the heavy query", (began, span[0])),
        ("during", "during the heavy query", (span[0], span[1])),
    ):
        answers = seen(asked, *of)
        book.note(f"{key}.{when}.p50", f"{title}, {word}: p50", answers.p50_ms, "ms")
        book.note(f"{key}.{when}.p99", f"{title}, {word}: p99", answers.p99_ms, "ms")
    book.note(f"{key}.took", f"{title}: length of the heavy query", span[1] - span[0])
    for second, ms in enumerate(each_second(asked, began, BEFORE_S + DURING_S + AFTER_S)):
        book.note(f"{key}.series.{second}", f"{title}: slowest in second {second}", ms, "ms")


def _knee(book: Book, stage: Stage, say: Reporter) -> None:
    steps: dict[int, Seen] = {}
    for users in knee.STEPS:
        for _ in range(2):  # one bad moment of the machine is no knee
            steps[users], _used = during(stage, users, STEP_S)
            if not knee.past(steps, users):
                break
        answers, key = steps[users], f"knee.stage{stage.number}.series.{users}"
        title = f"stage {stage.number}, step of {users:,} users"
        book.note(f"{key}.rate", f"{title}: good answers", answers.rate, "a second")
        book.note(f"{key}.p99", f"{title}: p99", answers.p99_ms, "ms")
        book.note(f"{key}.errors", f"{title}: errors", answers.errors, "%")
        if why := knee.past(steps, users):
            say(f"stage {stage.number}: past the knee with {users:,} users: {why}")
            break
    book.note(
        f"knee.stage{stage.number}.users", f"stage {stage.number}: knee", knee.of(steps), "users"
    )
    best = steps.get(knee.of(steps))
    if best:
        book.note(
            f"knee.stage{stage.number}.rate",
            f"stage {stage.number}: at the knee",
            best.rate,
            "a second",
        )
