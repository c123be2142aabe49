"""Benchmarks: medians, ratios, what is read from a run of ``make up``, page and picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from matplotlib.patches import Rectangle

from benchmarks import cold, page
from benchmarks.measures import (
    Book,
    Machine,
    Measure,
    Result,
    growth,
    missed,
    of_document,
    ratio,
    shown,
)
from benchmarks.up_output import phases
from components.clouds.local.hosts import usage
from components.errors import UserError

MACHINE = Machine(2, "A <processor>", 23.5, "Linux 6.1", 0.25)
MET = Measure("a", "a thing", "s", (1.5, 0.25, 1.0), aim=1.0)
MISSED = Measure("b", "b & more", "times", (1.2, 1.4, 9.0), aim=1.3)
PLAIN = Measure("c", "c in memory", "MiB", (100.4,))
SAID = """\
Planning bench1-stage1-1 ...
bench1-stage1-1: 3 to create, 0 stay.
  + create bench1-stage1-1-app (Server)
Bringing up bench1-stage1-1 ...
  + created bench1-stage1-1-network (Network) 0.3 s
  still creating bench1-stage1-1-app (Server), 4 s
  + created bench1-stage1-1-app (Server) 4.1 s
  + created bench1-stage1-1 (Key) 0.1 s
  \N{HEAVY BALLOT X} create bench1-stage1-1-x (Server) failed after 4.1 s
3 created, 0 unchanged, in 5 s."""


def result(*measures: Measure, runs: int = 3) -> Result:
    return Result("stages", "2030-01-02 03:04 UTC", "abc123", runs, MACHINE, measures)


def test_a_median_is_the_middle_one_and_meets_an_aim_it_reaches() -> None:
    assert (MET.median, MET.spread, MET.met) == (1.0, (0.25, 1.5), True)
    assert (MISSED.median, MISSED.met) == (1.4, False)
    assert PLAIN.met is None


def test_values_of_all_runs_are_kept_by_key_in_the_order_of_the_first() -> None:
    book = Book()
    for run in (1.0, 2.0, 4.00049):
        book.note("late", "comes first", run, aim=3)
        book.note("early", "comes second", run * 2, "MiB")
    assert book.measures() == (
        Measure("late", "comes first", "s", (1.0, 2.0, 4.0), 3),
        Measure("early", "comes second", "MiB", (2.0, 4.0, 8.001)),
    )


def test_a_ratio_needs_a_time_to_compare_with() -> None:
    assert ratio(3.0, 2.0) == 1.5
    with pytest.raises(UserError) as error:
        ratio(3.0, -0.0004)
    assert str(error.value) == (
        "A time to compare with: should be above 0 s, got -0.000 s. "
        "Run it again when the machine is quiet."
    )


@pytest.mark.parametrize(("power", "expected"), [(1, 199 / 99), (2, (200**2 - 1) / (100**2 - 1))])
def test_growth_tells_linear_from_quadratic(power: int, expected: float) -> None:
    start = 0.3
    once, hundred, two_hundred = (start + 0.001 * count**power for count in (1, 100, 200))
    assert growth(once, hundred, two_hundred) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.2134, "s", "0.213 s"),
        (2.345, "s", "2.35 s"),
        (12.34, "s", "12.3 s"),
        (1.2666, "times", "1.27 times"),
        (12.34, "times", "12.34 times"),
        (411.6, "MiB", "412 MiB"),
    ],
)
def test_values_are_written_with_three_digits_that_matter(
    value: float, unit: str, words: str
) -> None:
    assert shown(value, unit) == words


def test_only_a_missed_aim_is_told() -> None:
    assert missed([MET, MISSED, PLAIN]) == [
        "missed: b & more: 1.40 times, the aim is at most 1.30 times"
    ]


def test_a_result_survives_its_file() -> None:
    whole = result(MET, MISSED, PLAIN)
    document = json.loads(json.dumps(whole.document()))
    assert of_document(document) == whole
    assert [(measure["median"], measure["met"]) for measure in document["measures"]] == [
        (1.0, True),
        (1.4, False),
        (100.4, None),
    ]


def test_the_phases_of_an_up() -> None:
    times = (1.5, 2.0, 2.0, 3.5, 4.0, 6.0, 7.5, 8.0, 8.0, 8.5)
    measured = phases("bench1-stage1-1", list(zip(times, SAID.splitlines(), strict=True)), 9.0)
    assert (measured.before_s, measured.plan_s, measured.change_s) == (1.5, 2.0, 5.5)
    assert measured.steps == {"network (Network)": 0.3, "app (Server)": 4.1, "stack (Key)": 0.1}
    assert measured.began == pytest.approx(
        {"network (Network)": 3.7, "app (Server)": 3.4, "stack (Key)": 7.9}
    )


@pytest.mark.parametrize("lines", [[], [(1.0, "Planning s ..."), (2.0, "s: nothing to change")]])
def test_a_run_that_makes_nothing_is_no_up(lines: list[tuple[float, str]]) -> None:
    with pytest.raises(UserError) as error:
        phases("s", lines, 3.0)
    assert str(error.value).startswith("make up: should have planned and made a stack, got neither")


@pytest.mark.parametrize(
    ("groups", "folder"),
    [
        (
            "4:cpu,memoryx:/x/k1\n5:memory:/a/stages-k1/payload\n0::/stages-k1/y",
            "memory/a/stages-k1",
        ),
        ("0::/system.slice/stages-k1.service/payload/init.scope", "system.slice/stages-k1.service"),
    ],
)
def test_the_memory_group_of_a_whole_host(groups: str, folder: str) -> None:
    assert usage.memory_group(groups, "k1") == Path("/sys/fs/cgroup") / folder


def test_a_host_without_a_memory_group_of_its_own() -> None:
    with pytest.raises(UserError) as error:
        usage.memory_group("5:memory:/\n0::/stages-k1", "k1")
    assert str(error.value).startswith("Host k1: should have a memory group of its own, got none")


def test_the_page_has_every_measure_but_short_steps() -> None:
    short = Measure("stage1.up.step.x", "short step", "s", (0.2,))
    text = page.of_results([result(MET, MISSED, PLAIN, short)], {"stages": ["stages-1"]})
    assert "| a thing | 1.00 s | 0.250 s to 1.50 s | at most 1.00 s | met |" in text
    assert "| b & more | 1.40 times | 1.20 times to 9.00 times | at most 1.30 times | " in text
    assert text.count("**missed**") == 1
    assert "| c in memory | 100 MiB | 100 MiB |  |  |" in text
    assert "short step" not in text
    assert "![stages](stages-1.svg)" in text
    assert "- missed: b & more" in text and "missed: a thing" not in text
    assert (
        "2030-01-02 03:04 UTC, commit abc123, 3 runs: 2 cores (A <processor>), 23.5 GiB, "
        "Linux 6.1, load 0.25 at the start."
    ) in text
    assert ", 1 run: " in page.of_results([result(MET, runs=1)], {"stages": []})


COLD = [
    (0.1, "Python packages: installing requirements.txt into .venv ..."),
    (20.0, "Python packages: installed in 20 s."),
    (25.0, "Pulumi CLI 1.2.3: no download (no route)."),
    (300.0, "Pulumi CLI 1.2.3: built in 4 min 35 s."),
    (301.0, "Host image: Debian 13 is built once on this machine, about a minute or two"),
    (390.0, "Host image: built, 89 s"),
    (391.0, "Planning shop ..."),
    (401.0, ""),
]


def test_the_parts_of_a_cold_up_and_their_picture() -> None:
    ends = cold.ended_at(COLD)
    assert ends == {"Python packages": 20.0, "Pulumi CLI": 300.0, "host image": 390.0}
    book = Book()
    book.note("cold.part.a", "cold `make up`: the first part", 20)
    book.note("cold.part.b", "cold `make up`: another", 300)
    book.note("cold.first", "", 320)
    drawn = cold.draw(Result("cold", "d", "c", 1, MACHINE, book.measures()))["cold"]
    assert drawn.spoken == (
        "Stage 1: cold `make up`, by part: "
        "the first part 20.0 s; another 300.0 s; fresh clone to the first 200 320.0 s"
    )
    (axes,) = drawn.figure.axes
    assert [bar.get_x() for bar in axes.patches if isinstance(bar, Rectangle)] == [0, 20, 0]


def test_what_was_there_already_is_no_cold_start() -> None:
    with pytest.raises(UserError) as error:
        cold.ended_at(COLD[:3] + COLD[4:])
    assert str(error.value) == "make up: should have made the Pulumi CLI, had it already"
