"""How long the estimate takes: one plan file, 100 and 200 of them in one call.

Each call is a process of its own. The start of an interpreter that does nothing is measured right
before each and taken off: what is left is imports, reading, and counting.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import here
from benchmarks.measures import Book, Measure, growth
from components.errors import StepFailed

STACKS = ("aws-stage2", "aws-stage1", "digitalocean-stage2", "digitalocean-stage1")
"""Whose plans are estimated, in turn; the first is the one file."""
ONE_S, HUNDRED_S = 0.3, 5.0
"""The aims."""


def measure(runs: int, say: Callable[[str], None]) -> tuple[Measure, ...]:
    """Measure with plan files of this checkout's own stacks, in a temporary folder."""
    book = Book()
    with tempfile.TemporaryDirectory(prefix="stages-bench-") as scratch:
        files = _plans(Path(scratch), 200)
        estimate = [sys.executable, "-m", "scripts", "cost", "estimate", "--format", "json"]
        _seconds([*estimate, files[0]])  # uncounted: compiles what is new, fills the page cache
        for run in range(1, runs + 1):
            taken = []
            for count in (1, 100, 200):
                start = _seconds([sys.executable, "-c", "pass"])
                taken.append(_seconds([*estimate, *files[:count]]) - start)
                book.note("costs.start", "an interpreter that does nothing", start)
            single, hundred, two_hundred = taken
            book.note("costs.1", "estimate of 1 plan file", single, aim=ONE_S)
            book.note("costs.100", "estimate of 100 plan files", hundred, aim=HUNDRED_S)
            book.note("costs.200", "estimate of 200 plan files", two_hundred)
            title = "growth: 200 files against 100, both beyond the first"
            book.note("costs.growth", title, growth(single, hundred, two_hundred), "times")
            say(f"costs, run {run}: {single:.3f} s, {hundred:.2f} s, {two_hundred:.2f} s")
    return book.measures()


def _plans(folder: Path, count: int) -> Sequence[str]:
    texts = [_run([sys.executable, "-m", "scripts", "plan", name, "--json"]) for name in STACKS]
    files = [folder / f"plan-{number:03}.json" for number in range(count)]
    for number, file in enumerate(files):
        file.write_text(texts[number % len(texts)])
    return [str(file) for file in files]


def _seconds(argv: Sequence[str]) -> float:
    began = time.perf_counter()
    _run(argv)
    return time.perf_counter() - began


def _run(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, cwd=here.ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StepFailed(f"{' '.join(argv[1:5])} failed: {done.stderr.strip()}")
    return done.stdout
