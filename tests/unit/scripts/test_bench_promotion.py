"""The benchmark of a promotion: the slowest request of each second, and its pictures."""

from __future__ import annotations

from benchmarks import plots
from benchmarks.deploys.load import Load, Request
from benchmarks.measures import Book, Machine, Result
from benchmarks.promotion import slowest_ms


def test_the_slowest_request_of_each_second() -> None:
    seen = Load(10.0, [Request(10.2, 0.02, ""), Request(10.9, 0.05, ""), Request(12.1, 1.5, "")])
    assert slowest_ms(seen) == [50, 0, 1500]
    assert slowest_ms(Load(10.0)) == []


def test_the_pictures_show_the_waits_and_the_last_run() -> None:
    book = Book()
    for run, end in enumerate((4, 3)):
        for key, value in (("switch.stall", 0.2), ("rollback.stall", 0.3), ("longest", 0.4)):
            book.note(f"promotion.{key}", key, value + run)
        for second in range(end):
            for what, unit in (("answers", "ms"), ("writes", "writes"), ("lag", "MiB")):
                book.note(f"promotion.series.{what}.{second}", what, 20.0 + second, unit)
        for number, step in enumerate(("copy", "switch", "rollback")):
            book.note(f"promotion.series.{step}.began", step, number)
            book.note(f"promotion.series.{step}.ended", step, number + 0.5)
    machine = Machine(2, "A processor", 23.5, "Linux 6.1", 0.25)
    drawn = plots.of(Result("promotion", "d", "c", 2, machine, book.measures()))
    names = ["promotion", "promotion-answers", "promotion-writes", "promotion-lag"]
    assert list(drawn) == names
    assert "clients of stage 1, the switch 0.700 s" in drawn["promotion"].spoken
