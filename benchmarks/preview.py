"""How long the comment on a pull request takes, of every stack of this checkout, offline.

A base and a head with a changed setting of each stack are committed in a fresh clone; then the two
commands of the workflow run there as they stand: plans of both commits, and the comment. All of it
counts but the clone, and the interpreter's start is in it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import here
from benchmarks.measures import Book, Measure
from components.errors import StepFailed
from components.settings import stacks

AIM_S = 15.0
"""For six stacks on 2 cores."""
OBJECTIONS = (0, 1, 3)
"""Exit codes of a comment that was made: a changed size may break a budget."""
CHANGE = "  stages:app.web_processes: 3\n"


def measure(runs: int, say: Callable[[str], None]) -> tuple[Measure, ...]:
    """Measure in a clone of what is committed."""
    book = Book()
    with tempfile.TemporaryDirectory(prefix="stages-bench-") as scratch:
        clone = Path(scratch) / "clone"
        names = _change(clone)
        what = f"{len(names)} stacks"
        for run in range(runs + 1):  # the first is uncounted: it compiles what is new
            plans = Path(scratch) / f"plans-{run}"
            comment = Path(scratch) / f"comment-{run}.md"
            offline = ["offline", "--base", "HEAD~1", "--out", str(plans)]
            render = ["render", "--offline", str(plans), "--markdown", str(comment)]
            planned = _seconds(clone, offline, (0,))
            rendered = _seconds(clone, render, OBJECTIONS)
            _check(comment.read_text(), names)
            if run == 0:
                continue
            title = f"comment of a change, {what}"
            book.note("preview.all", title, planned + rendered, aim=AIM_S)
            book.note("preview.plans", f"{title}: plans of both commits", planned)
            book.note("preview.render", f"{title}: from the plans to the text", rendered)
            say(f"preview, run {run}: {planned:.2f} s + {rendered:.2f} s")
    return book.measures()


def _change(clone: Path) -> Sequence[str]:
    """Make the clone and a commit that changes every stack; return their names."""
    _run(here.ROOT, ["git", "clone", "--quiet", str(here.ROOT), str(clone)])
    names = stacks.names(clone / "stacks")
    for name in names:
        file = clone / "stacks" / f"Pulumi.{name}.yaml"
        file.write_text(file.read_text().replace("config:\n", f"config:\n{CHANGE}", 1))
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    _run(clone, ["git", *identity, "commit", "--quiet", "--all", "--message", "a change"])
    return names


def _check(text: str, names: Sequence[str]) -> None:
    """A comment that says nothing of a stack measures nothing."""
    lacking = [name for name in names if f"### `{name}`" not in text]
    if lacking or "failed" in text:
        raise StepFailed(
            f"The comment should show a change of every stack, got none of {', '.join(lacking)}"
            if lacking
            else "The comment should show a change of every stack, got a failed preview",
        )


def _seconds(clone: Path, arguments: Sequence[str], codes: Sequence[int]) -> float:
    began = time.perf_counter()
    _run(clone, [sys.executable, "-m", "scripts", "pull-request", *arguments], codes)
    return time.perf_counter() - began


def _run(folder: Path, argv: Sequence[str], codes: Sequence[int] = (0,)) -> None:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise StepFailed(f"{' '.join(argv[:6])} failed: {done.stderr.strip()}")
