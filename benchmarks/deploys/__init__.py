"""What users notice of deploys: failed requests, and how long answers take during a switch.

The sample app is asked all the time, with one web process and with two. In the same run there is a
time at rest, and then deploys, restarts and rollbacks: the ratio is between answers of one machine
in one hour. The clients are on the same machine, so a switch takes processor from them as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.charts import Group, Picture, bars
from benchmarks.checkout import Clone, clone
from benchmarks.deploys.load import Load, load
from benchmarks.measures import Book, Measure, Result
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
    book, stack = Book(), f"b{os.getpid()}-deploys"
    with tempfile.TemporaryDirectory(prefix="stages-bench-") as scratch:
        own = clone(Path(scratch) / "own")
        try:
            for processes, title in PROCESSES.items():
                own.configure(
                    stack,
                    stage=1,
                    network__cidr=CIDR,
                    backups__off=True,
                    app__worker_settle_s=1,
                    app__web_processes=processes,
                )
                say(f"deploys: bringing {stack} up with {title}")
                own.make("up", stack)
                switches(book, own, stack, processes, runs, say)
        finally:
            say(f"deploys: taking {stack} away")
            own.take_away(stack)
    return book.measures()


def switches(
    book: Book, own: Clone, stack: str, processes: int, runs: int, say: Callable[[str], None]
) -> None:
    """Rest, and then switch while it is asked."""
    title, key = PROCESSES[processes], f"deploys.{processes}"
    output = "".join(line for _, line in own.make("outputs", stack, "JSON=1"))
    url = json.loads(output[output.index("{") :])["url"]
    for run in range(1, runs + 1):
        with load(f"{url}/health", per_second=PER_SECOND) as seen:
            time.sleep(REST_S)
            revision = f"REVISION={_commit(own, run)}"
            spans = {
                "deploy": _timed(own, "deploy", stack, revision),
                "restart": _timed(own, "restart", stack, "PROCESS=web"),
                "rollback": _timed(own, "rollback", stack),
            }
            until("the spare to go", lambda: _whole(own, stack))
        rest = p99_ms(seen, seen.began, spans["deploy"][0])
        book.note(f"{key}.requests", f"{title}: requests", len(seen.requests), "requests")
        book.note(f"{key}.failed", f"{title}: failed", len(seen.failed()), "requests", 0.0)
        book.note(f"{key}.rest", f"{title}: p99 at rest", rest, "ms")
        for name, (began, ended) in spans.items():
            during = p99_ms(seen, began, ended)
            book.note(f"{key}.{name}", f"{title}: p99 during a {name}", during, "ms")
            book.note(
                f"{key}.{name}.ratio",
                f"{title}: p99 during a {name}, by that at rest",
                during / rest,
                "times",
                RATIO,
            )
        took = spans["rollback"][1] - spans["rollback"][0]
        book.note(f"{key}.rollback.s", f"{title}: `make rollback`", took, "s", ROLLBACK_S)
        say(f"deploys, {title}, run {run}: {len(seen.failed())} of {len(seen.requests)} failed")


def p99_ms(seen: Load, began: float, ended: float) -> float:
    """The 99th percentile of the requests that began in a span."""
    took = sorted(request.took_s for request in seen.requests if began <= request.at <= ended)
    return took[int(len(took) * 0.99)] * 1000


def _commit(own: Clone, run: int) -> str:
    who = ["-c", "user.name=b", "-c", "user.email=b@example.org"]
    argv = ["git", *who, "commit", "--quiet", "--allow-empty", "-m", f"release {run}"]
    subprocess.run(argv, cwd=own.path, check=True)
    head = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(head, cwd=own.path, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _timed(own: Clone, target: str, *words: str) -> tuple[float, float]:
    began = time.monotonic()
    own.make(target, *words)
    return began, time.monotonic()


def _whole(own: Clone, stack: str) -> bool:
    """Whether no spare is open any more."""
    output = own.make("ssh", stack, "COMMAND=sudo cat /run/stages/web/open.json")
    return "8001" in str(output) and "8000" not in str(output)


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
