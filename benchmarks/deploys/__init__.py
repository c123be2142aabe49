"""What users notice of deploys: failed requests, and how long answers take during a switch.

The sample app is asked all the time, with one web process and with two. In the same run there is a
time at rest, and then deploys, restarts and rollbacks: the ratio is between answers of one machine
in one hour. The clients are on the same machine, so a switch takes processor from them as well.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.charts import Group, Picture, bars
from benchmarks.deploys.load import Load, load
from benchmarks.measures import Book, Measure, Result, ratio
from components.errors import StepFailed
from tests.support.clone import Stack, clone
from tests.support.waiting import until

CIDR = "10.91.83.0/24"
PER_SECOND = 20.0
REST_S = 20.0
RATIO = 3.0
"""The aim: p99 during a switch by p99 at rest."""
ROLLBACK_S = 5.0
PROCESSES = {1: "one web process", 2: "two web processes"}


def measure(runs: int, say: Callable[[str], None]) -> tuple[Measure, ...]:
    """Measure on a stack of its own: each run is a deploy, a restart and a rollback."""
    book = Book()
    with tempfile.TemporaryDirectory(prefix="stages-bench-") as scratch:
        stack = clone(Path(scratch) / "own", quick=True).stack(
            f"b{os.getpid()}-deploys", stage=1, network__cidr=CIDR
        )
        try:
            for processes, title in PROCESSES.items():
                stack.configure(app__web_processes=processes)
                say(f"deploys: bringing {stack.name} up with {title}")
                stack.make("up")
                switches(book, stack, processes, runs, say)
        finally:
            say(f"deploys: taking {stack.name} away")
            stack.take_away()
    return book.measures()


def switches(
    book: Book,
    stack: Stack,
    processes: int,
    runs: int,
    say: Callable[[str], None],
    rest_s: float = REST_S,
) -> None:
    """Rest, and then switch, while it is asked."""
    title, key = PROCESSES[processes], f"deploys.{processes}"
    url = stack.outputs()["url"]
    _settle(stack)
    for run in range(1, runs + 1):
        with load(f"{url}/health", per_second=PER_SECOND) as seen:
            time.sleep(rest_s)
            spans = {
                "deploy": _switch(stack, "deploy", f"REVISION={_commit(stack, run)}"),
                "restart": _switch(stack, "restart", "PROCESS=web"),
                "rollback": _switch(stack, "rollback"),
            }
        rest = p99_ms(seen, Span(seen.began, spans["deploy"].began))
        book.note(f"{key}.requests", f"{title}: requests", len(seen.requests), "requests")
        book.note(f"{key}.failed", f"{title}: failed", len(seen.failed()), "requests", 0.0)
        book.note(f"{key}.rest", f"{title}: p99 at rest", rest, "ms")
        for name, span in spans.items():
            during = p99_ms(seen, span)
            book.note(f"{key}.{name}", f"{title}: p99 during a {name}", during, "ms")
            by_rest = f"{title}: p99 during a {name}, by that at rest"
            book.note(f"{key}.{name}.ratio", by_rest, ratio(during, rest), "times", RATIO)
        took = spans["rollback"].took_s
        book.note(f"{key}.rollback.s", f"{title}: `make rollback`", took, "s", ROLLBACK_S)
        say(f"deploys, {title}, run {run}: {len(seen.failed())} of {len(seen.requests)} failed")


@dataclass(frozen=True)
class Span:
    """From the start of a switch until every process has followed."""

    began: float
    ended: float
    took_s: float = 0.0
    """The command alone."""


def p99_ms(seen: Load, span: Span) -> float:
    """The 99th percentile of the requests that began in a span."""
    took = sorted(
        request.took_s for request in seen.requests if span.began <= request.at <= span.ended
    )
    if not took:
        raise StepFailed("The load: should ask during each switch, got no request")
    return took[int(len(took) * 0.99)] * 1000


def _commit(stack: Stack, run: int) -> str:
    stack.clone.git("commit", "--quiet", "--allow-empty", "-m", f"release {run}")
    return stack.clone.git("rev-parse", "HEAD")


def _switch(stack: Stack, target: str, *words: str) -> Span:
    began = time.monotonic()
    took_s = stack.make(target, *words)[-1][0]
    _settle(stack)
    return Span(began, time.monotonic(), took_s)


def _settle(stack: Stack) -> None:
    """Wait until every web process has followed, and the spare is gone."""
    try:
        until("the spare to go", stack.rested)
    except AssertionError as problem:
        raise StepFailed(f"{stack.name}: {problem}") from None


def draw(result: Result) -> Mapping[str, Picture]:
    """Its picture, by name."""
    groups = [
        Group(
            title,
            [
                (name, result.of(f"deploys.{processes}.{key}"))
                for key, name in (
                    ("rest", "at rest"),
                    ("deploy", "during a deploy"),
                    ("restart", "during a restart"),
                    ("rollback", "during a rollback"),
                )
            ],
        )
        for processes, title in PROCESSES.items()
    ]
    title = "p99 of answers while the sample app is deployed, restarted and rolled back"
    return {"deploys": bars(title, groups, "ms", result.where)}
