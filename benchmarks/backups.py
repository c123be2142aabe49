"""How long a backup, a verification and a restore take, and what the app's users notice of them.

Each stage has about 1 GB of rows that hardly compress, and its health page, which asks the
database, is requested all the time. On the same machine are the clients, the operator's command and
the bucket, of which a server on a cloud notices nothing: command and bucket stand behind the app
(``shares.py``). The network to the bucket is faster than one to a cloud.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import bulk
from benchmarks.charts import Group, Picture, bars
from benchmarks.deploys import Span, p99_ms
from benchmarks.deploys.load import load
from benchmarks.measures import Book, Measure, Result, ratio
from benchmarks.shares import as_on_a_server
from tests.support.clone import Stack, clone

CIDRS = {1: "10.91.84.0/24", 2: "10.91.85.0/24"}
STAGES = {1: "stage 1: pgBackRest", 2: "stage 2: pg_dump through restic"}
PER_SECOND = 20.0
REST_S = 20.0
RATIO = 1.5
"""The aim: p99 during a backup by p99 at rest."""
STEPS = {
    "now": "a backup",
    "verify": "a verification",
    "restore": "a restore and the switch to it",
}
WORDS = {"restore": ("--latest", "--switch", "--yes")}


def measure(runs: int, say: Callable[[str], None]) -> tuple[Measure, ...]:
    """Measure on a stack of each stage, one after the other."""
    book = Book()
    for stage, title in STAGES.items():
        with tempfile.TemporaryDirectory(prefix="stages-bench-") as scratch:
            stack = clone(Path(scratch) / "own", quick=True).stack(
                f"b{os.getpid()}-backups{stage}",
                stage=stage,
                network__cidr=CIDRS[stage],
                backups__off=None,
            )
            try:
                say(f"backups: bringing {stack.name} up and filling its database")
                stack.make("up")
                # What its timer begins a minute later would come between what is measured.
                stack.run("ssh", "sudo systemctl start backups.service")
                _ask(stack, bulk.FILL)
                for run in range(1, runs + 1):
                    steps(book, stack, stage)
                    say(f"backups, {title}, run {run}: done")
            finally:
                say(f"backups: taking {stack.name} away")
                stack.take_away()
    return book.measures()


def steps(book: Book, stack: Stack, stage: int, rest_s: float = REST_S) -> None:
    """Rest, then each step, while the app is asked."""
    title, key = STAGES[stage], f"backups.{stage}"
    size_mib = int(_ask(stack, "SELECT pg_database_size(current_database())")) / 2**20
    book.note(f"{key}.size", f"{title}: the database", size_mib, "MiB")
    spans: dict[str, Span] = {}
    url = stack.outputs()["url"]
    with as_on_a_server(stack.name), load(f"{url}/health", per_second=PER_SECOND) as seen:
        time.sleep(rest_s)
        resting = Span(seen.began, time.monotonic())
        for verb in STEPS:
            began = time.monotonic()
            stack.backup(verb, *WORDS.get(verb, ()), nice=19)
            spans[verb] = Span(began, time.monotonic(), time.monotonic() - began)
    rest = p99_ms(seen, resting)
    book.note(f"{key}.requests", f"{title}: requests", len(seen.requests), "requests")
    book.note(f"{key}.failed", f"{title}: failed", len(seen.failed()), "requests", 0.0)
    book.note(f"{key}.rest", f"{title}: p99 at rest", rest, "ms")
    for verb, words in STEPS.items():
        during = p99_ms(seen, spans[verb])
        aim = RATIO if verb == "now" else None
        book.note(f"{key}.{verb}", f"{title}: {words}", spans[verb].took_s)
        book.note(f"{key}.{verb}.p99", f"{title}: p99 during {words}", during, "ms")
        by_rest = f"{title}: p99 during {words}, by that at rest"
        book.note(f"{key}.{verb}.ratio", by_rest, ratio(during, rest), "times", aim)
    _delete_kept(stack, stage)


def _ask(stack: Stack, sql: str) -> str:
    """Ask as the app, through its pool."""
    link = "postgresql://app@/app?host=/run/pgbouncer&port=6432"
    command = f"sudo runuser -u app -- psql -XAtq '{link}' -c \"{' '.join(sql.split())}\""
    return stack.run("ssh", command).strip()


def _delete_kept(stack: Stack, stage: int) -> None:
    """Delete the database before the switch, for the next run needs its room."""
    if stage == 1:
        stack.run("ssh", "sudo rm -rf /data/copies/before-*")
    else:
        stack.backup("restore", "--delete-kept", "--yes")


def draw(result: Result) -> Mapping[str, Picture]:
    """How long each step takes, and the app's answers meanwhile."""

    def groups(steps: Mapping[str, str]) -> Sequence[Group]:
        return [
            Group(
                title,
                [(name, result.of(f"backups.{stage}.{key}")) for key, name in steps.items()],
            )
            for stage, title in STAGES.items()
        ]

    during = {f"{verb}.p99": f"during {words}" for verb, words in STEPS.items()}
    return {
        "backups": bars("Backups of a database of 1 GB", groups(STEPS), "s", result.where),
        "backups-answers": bars(
            "p99 of answers while a database of 1 GB is backed up and restored",
            groups({"rest": "at rest", **during}),
            "ms",
            result.where,
        ),
    }
