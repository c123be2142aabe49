"""How long the local stages take to come up and to do nothing, and what they need at rest.

Each run makes a stack that has never been, in a fresh clone, and takes it away with its data,
whatever happens. Warm means: the host image, the Python packages and the Pulumi CLI are there. The
same command on a program that declares nothing is run right beside each ``up`` without a change.
"""

from __future__ import annotations

import http.client
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.charts import Picture, Step, timeline
from benchmarks.measures import Book, Measure, Result, ratio
from benchmarks.up_output import phases
from components.clouds.local.hosts import inventory, usage
from components.errors import StepFailed
from tests.support.clone import Stack, clone

UP_S = {1: 15.0, 2: 20.0}
NOOP_TIMES = 1.3
"""The aims."""
PAIRS = 3
"""Pairs of an ``up`` without a change and the empty program, in each run: they are short."""
ASK_EVERY_S = 0.05
SHORT_S = 0.2
"""Steps whose median is shorter are not in the picture."""


def measure(runs: int, stages: Sequence[int], say: Callable[[str], None]) -> tuple[Measure, ...]:
    """Measure these stages; needs root and Linux, as every local stack does."""
    book = Book()
    with tempfile.TemporaryDirectory(prefix="stages-bench-") as scratch:
        own = clone(Path(scratch) / "own")
        empty = clone(Path(scratch) / "empty", empty=True)
        for stage in stages:
            name = f"bench{os.getpid()}"
            settings = {"stage": stage, "network__cidr": f"10.95.{stage}.0/24"}
            nothing = empty.stack(
                f"{name}-empty{stage}", stage=stage, network__cidr=f"10.95.{100 + stage}.0/24"
            )
            say(f"stage {stage}: getting ready, uncounted; the host image is built if need be")
            nothing.make("up")
            # Makes nothing; the clone is ready and compiled then.
            own.stack(f"{name}-plans{stage}", **settings).make("preview")
            for run in range(1, runs + 1):
                stack = own.stack(f"{name}-stage{stage}-{run}", **settings)
                try:
                    _up(book, stack, stage, say)
                    _boots(book, stack.name, stage)
                    _nothing(book, stack, nothing, stage)
                    _rest(book, stack.name, stage)
                finally:
                    say(f"stage {stage}, run {run}: taking {stack.name} away")
                    stack.take_away()
    return book.measures()


def _up(book: Book, stack: Stack, stage: int, say: Callable[[str], None]) -> None:
    title = f"stage {stage}: warm `make up`"
    with answering(f"10.95.{stage}.10") as first:
        lines = stack.make("up")
    whole = lines[-1][0]
    parts = phases(stack.name, lines, whole)
    say(f"{title}: {first[0]:.1f} s to the first 200, {whole:.1f} s in all")
    key = f"stage{stage}.up"
    book.note(f"{key}.first", f"{title} to the first 200", first[0], aim=UP_S[stage])
    book.note(f"{key}.whole", f"{title} to its end", whole)
    book.note(f"{key}.before", f"{title}: before the plan", parts.before_s)
    book.note(f"{key}.plan", f"{title}: the plan", parts.plan_s)
    book.note(f"{key}.change", f"{title}: from the plan to the end", parts.change_s)
    for step, seconds in parts.steps.items():
        book.note(f"{key}.step.{step}", f"stage {stage}: {step}", seconds)
        title = f"stage {stage}: {step}, from the start"
        book.note(f"{key}.series.began.{step}", title, parts.began[step])


def _boots(book: Book, stack: str, stage: int) -> None:
    """How long each host's first boot took, from systemd's start until it says "running"."""
    for host in inventory.every(stack):
        marks = ("UserspaceTimestampMonotonic", "FinishTimestampMonotonic")
        output = host.run(["systemctl", "show", *(f"--property={mark}" for mark in marks)]).stdout
        at = {key: int(value) for key, _, value in (line.partition("=") for line in output.split())}
        name, seconds = _name(host.folder.name, stack), (at[marks[1]] - at[marks[0]]) / 1e6
        if seconds <= 0:
            raise StepFailed(f"{name}: should have booted to the end, got it booting")
        book.note(f"stage{stage}.boot.{name}", f"stage {stage}: first boot of {name}", seconds)


def _name(host: str, stack: str) -> str:
    """The local cloud calls a database's host as the database, which is called as the stack."""
    return host.removeprefix(stack).lstrip("-") or "database"


def _nothing(book: Book, stack: Stack, nothing: Stack, stage: int) -> None:
    title, key = f"stage {stage}: `make up` without a change", f"stage{stage}.noop"
    for pair in range(PAIRS):
        if pair % 2:  # what comes second must not always be the same one
            base, noop = nothing.seconds("up"), stack.seconds("up")
        else:
            noop, base = stack.seconds("up"), nothing.seconds("up")
        book.note(key, title, noop)
        book.note(f"{key}.empty", f"stage {stage}: the same on an empty program", base)
        times = ratio(noop, base)
        book.note(f"{key}.ratio", f"{title}, against empty", times, "times", NOOP_TIMES)


def _rest(book: Book, stack: str, stage: int) -> None:
    used = usage.memory_mib(stack)
    for host, mib in used.items():
        name = _name(host, stack)
        book.note(f"stage{stage}.memory.{name}", f"stage {stage}: memory of {name}", mib, "MiB")
    title = f"stage {stage}: memory at rest, all hosts"
    book.note(f"stage{stage}.memory", title, sum(used.values()), "MiB")
    book.note("image", "host image on the disk, shared by all", usage.image_mib(stack), "MiB")


@contextmanager
def answering(address: str) -> Iterator[list[float]]:
    """Ask an address for its first page again and again; what is given holds, at the end, the
    seconds from the start to the first 200.

    Raises ``UserError`` where none came by the end of the context and a moment more.
    """
    began, first, over = time.monotonic(), list[float](), threading.Event()

    def ask() -> None:
        while not over.is_set():
            if _good(address):
                first.append(time.monotonic() - began)
                return
            over.wait(ASK_EVERY_S)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        yield first
        asking.join(5)
    finally:
        over.set()
    if not first:
        raise StepFailed(f"http://{address}/: should answer 200, got no such answer")


def _good(address: str) -> bool:
    """Whether the address answers 200 now; nobody there is told fast, a slow page is waited for."""
    connection = http.client.HTTPConnection(address, 80, timeout=0.25)
    try:
        connection.connect()
        connection.sock.settimeout(5)
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def draw(result: Result) -> Mapping[str, Picture]:
    """Where the time of coming up goes: a picture of each stage that was measured, by name."""
    return {
        f"stages-{stage}": timeline(
            f"Stage {stage}: warm `make up`, by step", up_steps, f"Medians. {result.where}"
        )
        for stage in (1, 2)
        if (up_steps := steps(result, stage))
    }


def steps(result: Result, stage: int) -> list[Step]:
    """The steps of a stage by their start; none in a result without it, or from before starts."""
    medians = {measure.key: measure.median for measure in result.measures}
    key = f"stage{stage}.up"
    began = f"{key}.series.began."
    resources = [
        Step(name.removeprefix(began), at, medians[f"{key}.step.{name.removeprefix(began)}"])
        for name, at in medians.items()
        if name.startswith(began)
    ]
    if not resources:
        return []
    before, plan, first = (medians[f"{key}.{name}"] for name in ("before", "plan", "first"))
    return [
        Step("before the plan", 0, before),
        Step("the plan", before, plan),
        *sorted(
            (step for step in resources if step.took_s >= SHORT_S), key=lambda step: step.began_s
        ),
        Step("until the first 200", 0, first),
    ]
