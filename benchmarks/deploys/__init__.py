"""What users notice of deploys: failed requests, and how long answers take during a switch.

Each sample of `examples/` is asked all the time, with one web process and with two. First it is at
rest, then it is deployed, restarted and rolled back, then it is at rest again: the ratio is between
answers of one machine within some minutes. The clients and the operator's commands are on the same
machine, so a switch takes processor from the app as well.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.charts import Group, Picture, dots
from benchmarks.deploys.load import Load, load
from benchmarks.measures import Book, Measure, Result, ratio
from components.clouds.local.hosts import usage
from components.errors import StepFailed
from components.host import pgbouncer
from tests.support.clone import Stack, clone, fetch
from tests.support.waiting import until

CIDR = "10.91.83.0/24"
PER_SECOND = 100.0
CLIENTS = 50
"""Each asks twice a second, so a pause of half a second is seen by all requests that it held up."""
MOST_S = 3600.0
WARM_S, REST_S = 8.0, 10.0
"""At rest it is asked so long before the switches, and as long after them."""
COLD_S = 2.0
"""The answers of new processes count as the switch's for so long."""
RATIO = 3.0
"""The aim: p99 during a switch by p99 at rest."""
ROLLBACK_S = 5.0
PROCESSES = {1: "one web process", 2: "two web processes"}
KINDS = ("deploy", "restart", "rollback")
NOTES = 20
APART = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"


@dataclass(frozen=True)
class Framework:
    """A sample and the page that is asked."""

    folder: str
    title: str
    page: str = "/"
    """Reads the last notes from the database."""
    rollback_s: float | None = ROLLBACK_S


FRAMEWORKS = (
    # Its front page writes and queues a job, for 8 to 12 ms of processor: a core at this rate.
    Framework("django", "Django", page="/health"),
    Framework("express", "Express"),
    Framework("rails", "Rails"),
    # A rollback takes what the JVM takes to start.
    Framework("spring-boot", "Spring Boot", rollback_s=None),
)


def measure(runs: int, say: Callable[[str], None]) -> tuple[Measure, ...]:
    """Measure on a stack of its own; a run of a sample is a deploy, a restart and a rollback."""
    book = Book()
    with tempfile.TemporaryDirectory(prefix="stages-bench-") as scratch:
        stack = clone(Path(scratch) / "own", quick=True).stack(
            f"b{os.getpid()}-deploys", stage=1, network__cidr=CIDR
        )
        try:
            for framework in FRAMEWORKS:
                _put(stack, framework, say)
                for processes in PROCESSES:
                    stack.configure(app__web_processes=processes)
                    stack.make("up")
                    switches(book, stack, framework, processes, runs, say)
        finally:
            say(f"deploys: taking {stack.name} away")
            stack.take_away()
    return book.measures()


def _put(stack: Stack, framework: Framework, say: Callable[[str], None]) -> None:
    """Bring a sample up in an empty database, and give its page something to read."""
    say(f"deploys: bringing {stack.name} up with {framework.title}")
    if framework is not FRAMEWORKS[0]:
        psql = [pgbouncer.PSQL, "-XAtqc", APART, pgbouncer.SOCKET_URL]
        done = stack.app_server().run(["runuser", "-u", "app", "--", *psql])
        if done.returncode != 0:
            raise StepFailed(f"The database: should become empty, got {done.stderr.strip()}")
    stack.configure(app__directory=f"examples/{framework.folder}", app__web_processes=1)
    stack.make("up")
    if framework.page == Framework.page:
        url = stack.outputs()["url"]
        for number in range(NOTES):
            fetch(f"{url}/notes", {"text": f"note {number}"})


def switches(
    book: Book,
    stack: Stack,
    framework: Framework,
    processes: int,
    runs: int,
    say: Callable[[str], None],
) -> None:
    """Rest, switch, and rest again, while it is asked."""
    title = f"{framework.title}, {PROCESSES[processes]}"
    key = f"deploys.{framework.folder}.{processes}"
    url = stack.outputs()["url"] + framework.page
    _settle(stack)
    with load(url, per_second=PER_SECOND, clients=CLIENTS, most_s=MOST_S) as seen:
        time.sleep(WARM_S)
        before, used = _rest(stack)
        spans = [_run(stack, framework, run) for run in range(1, runs + 1)]
        time.sleep(WARM_S)
        after, _ = _rest(stack)
    rest = p99_ms(seen, before, after)
    book.note(f"{key}.requests", f"{title}: requests", len(seen.requests), "requests")
    book.note(f"{key}.failed", f"{title}: failed", len(seen.failed()), "requests", 0.0)
    book.note(f"{key}.processor", f"{title}: processor at rest", used, "% of a core")
    book.note(f"{key}.rest", f"{title}: p99 at rest", rest, "ms")
    for run in spans:
        during = {kind: p99_ms(seen, span) for kind, span in run.items()}
        for kind, ms in during.items():
            book.note(f"{key}.{kind}", f"{title}: p99 during a {kind}", ms, "ms")
        worst = f"{title}: p99 during a switch (the slowest of a run), by that at rest"
        book.note(f"{key}.ratio", worst, ratio(max(during.values()), rest), "times", RATIO)
        for kind, aim in (("deploy", None), ("rollback", framework.rollback_s)):
            took = f"{title}: `make {kind}`"
            book.note(f"{key}.{kind}.s", took, run[kind].took_s, "s", aim)
    failed = Counter(seen.failed())
    say(f"deploys, {title}: {failed.total()} of {len(seen.requests)} failed {dict(failed) or ''}")


@dataclass(frozen=True)
class Span:
    """From the start of a switch until every process has followed and is warm; or a rest."""

    began: float
    ended: float
    took_s: float = 0.0
    """The command alone."""


def p99_ms(seen: Load, *spans: Span) -> float:
    """The 99th percentile of the requests that began in these spans."""
    took = sorted(
        request.took_s
        for request in seen.requests
        if any(span.began <= request.at <= span.ended for span in spans)
    )
    if not took:
        raise StepFailed("The load: should ask during each switch, got no request")
    return took[int(len(took) * 0.99)] * 1000


def _rest(stack: Stack) -> tuple[Span, float]:
    """A span without a switch, and the percent of a core that the server used in it."""
    host, began = stack.app_server(), time.monotonic()
    used_s = usage.processor_s(host)
    time.sleep(REST_S)
    used_s, ended = usage.processor_s(host) - used_s, time.monotonic()
    return Span(began, ended), 100 * used_s / (ended - began)


def _run(stack: Stack, framework: Framework, run: int) -> dict[str, Span]:
    commit = _commit(stack, f"{framework.title} {run}")
    words = {"deploy": (f"REVISION={commit}",), "restart": ("PROCESS=web",)}
    return {kind: _switch(stack, kind, *words.get(kind, ())) for kind in KINDS}


def _commit(stack: Stack, message: str) -> str:
    stack.clone.git("commit", "--quiet", "--allow-empty", "-m", message)
    return stack.clone.git("rev-parse", "HEAD")


def _switch(stack: Stack, target: str, *words: str) -> Span:
    began = time.monotonic()
    took_s = stack.make(target, *words)[-1][0]
    _settle(stack)
    time.sleep(COLD_S)
    return Span(began, time.monotonic(), took_s)


def _settle(stack: Stack) -> None:
    """Wait until every web process has followed, and the spare is gone."""
    try:
        until("the spare to go", stack.rested, timeout_s=120)
    except AssertionError as problem:
        raise StepFailed(f"{stack.name}: {problem}") from None


def draw(result: Result) -> Mapping[str, Picture]:
    """Its picture, by name, of the samples that were measured."""
    known = {measure.key for measure in result.measures}

    groups = [
        Group(
            f"{framework.title}, {title}\n{_failed(result, key)}",
            [
                ("at rest", result.of(f"{key}.rest")),
                *((f"during a {kind}", result.of(f"{key}.{kind}")) for kind in KINDS),
            ],
        )
        for framework in FRAMEWORKS
        for processes, title in PROCESSES.items()
        for key in (f"deploys.{framework.folder}.{processes}",)
        if f"{key}.rest" in known
    ]
    title = "p99 of answers while the samples are deployed, restarted and rolled back"
    where = f"Grey: up to {RATIO:g} times that at rest, the aim. {result.where}"
    return {"deploys": dots(title, groups, "ms", where, times=RATIO)}


def _failed(result: Result, key: str) -> str:
    failed, asked = (sum(result.of(f"{key}.{what}").values) for what in ("failed", "requests"))
    return f"{failed:,.0f} of {asked:,.0f} failed"
