"""The benchmark of backups: what each step is measured by, and its pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from benchmarks import backups, plots
from benchmarks.deploys.load import Load, Request
from benchmarks.measures import Book, Machine, Result
from tests.support.clone import Clone, Stack


class Standing(Stack):
    """A stack of which each command is seen by one request, slower than that at rest."""

    def __init__(self) -> None:
        super().__init__(Clone(Path("nowhere")), "bench", {})
        self.seen = Load(0.0)
        self.done: list[tuple[str, ...]] = []

    def outputs(self) -> dict[str, Any]:
        return {"url": "http://127.0.0.1"}

    def backup(self, verb: str, *words: str, nice: int = 0) -> str:
        return self.run("backup", verb, *words)

    def run(self, command: str, *arguments: str, code: int = 0) -> str:
        self.done.append((command, *arguments))
        self.seen.requests.append(Request(time.monotonic(), 0.03, ""))
        return str(2**30)


def test_each_run_has_every_step_and_deletes_the_database_it_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stack = Standing()

    @contextmanager
    def watched(url: str, *, per_second: float) -> Iterator[Load]:
        assert url == "http://127.0.0.1/health"
        stack.seen = Load(time.monotonic())
        stack.seen.requests.append(Request(time.monotonic(), 0.02, ""))
        yield stack.seen

    monkeypatch.setattr(backups, "load", watched)
    monkeypatch.setattr(backups, "as_on_a_server", nullcontext)
    book = Book()
    for stage in backups.STAGES:
        backups.steps(book, stack, stage, rest_s=0)
    verbs = [
        ("backup", "now"),
        ("backup", "verify"),
        ("backup", "restore", "--latest", "--switch", "--yes"),
    ]
    cleared = ("backup", "restore", "--delete-kept", "--yes")
    assert stack.done[1:4] == stack.done[6:9] == verbs
    assert stack.done[4] == ("ssh", "sudo rm -rf /data/copies/before-*")
    assert stack.done[9] == cleared
    machine = Machine(2, "A processor", 23.5, "Linux 6.1", 0.25)
    result = Result("backups", "d", "c", 1, machine, book.measures())
    assert result.of("backups.2.now.ratio").median == 1.5
    assert result.of("backups.1.size").median == 1024
    drawn = plots.of(result)
    assert list(drawn) == ["backups", "backups-answers"]
    assert "stage 2: pg_dump through restic, during a backup 30.0 ms" in (
        drawn["backups-answers"].spoken
    )
