"""What users saw, where a stage's knee is, and the pictures of both."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import claims_page, stages
from benchmarks.measures import Book, Machine, Result
from benchmarks.users import knee, pictures
from benchmarks.users.load import LAST_S, Asked, Seen, each_second, percentile, seen
from components.errors import UserError

MACHINE = Machine(2, "A <processor>", 23.5, "Linux 6.1", 0.25)


def result(book: Book) -> Result:
    return Result("users", "2030-01-02 03:04 UTC", "abc123", 1, MACHINE, book.measures())


def test_percentiles_are_values_that_were_seen() -> None:
    hundred = [float(n) for n in range(1, 101)]
    assert [percentile(hundred, percent) for percent in (0, 50, 99, 100)] == [1, 50, 99, 100]
    assert percentile([7.0], 99) == 7


def test_only_requests_that_began_in_the_time_count() -> None:
    asked = [Asked(at, 10.0 * at, good=at != 3) for at in (1, 2, 3, 4, 5)]
    measured = seen(asked, 2, 5)
    assert (measured.p50_ms, measured.p99_ms) == (30, 40)
    assert measured.rate == pytest.approx(2 / 3)
    assert measured.errors == pytest.approx(100 / 3)


def test_a_request_without_an_answer_is_an_error_and_as_slow_as_any() -> None:
    measured = seen([Asked(0, 5.0, good=True), Asked(0, None, good=False)], 0, 1)
    assert (measured.p99_ms, measured.errors) == (5, 50)
    alone = seen([Asked(0, None, good=False)], 0, 1)
    assert (alone.p50_ms, alone.errors) == (LAST_S * 1000, 100)


def test_users_who_ask_nothing_measure_nothing() -> None:
    with pytest.raises(UserError) as error:
        seen([Asked(9, 5.0, good=True)], 0, 1)
    assert str(error.value) == "The simulated users: should ask something, got no request"


def test_the_slowest_of_each_second() -> None:
    asked = [
        Asked(10.1, 5.0, good=True),
        Asked(10.9, 7.0, good=True),
        Asked(12.0, None, good=False),
        Asked(9.9, 99.0, good=True),
        Asked(13.0, 99.0, good=True),
    ]
    assert each_second(asked, 10, 3) == [7, 0, LAST_S * 1000]


FINE = Seen(10, 20, 30, 0)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (Seen(20, 20, 1000, 1), ""),
        (Seen(20, 20, 1001, 0), "p99 1,001 ms"),
        (Seen(20, 20, 30, 1.1), "1.1 % errors"),
        (Seen(12.5, 20, 30, 0), ""),
        (Seen(12.4, 20, 30, 0), "12.4 answers a second after 10.0"),
    ],
)
def test_what_is_past_the_knee(second: Seen, why: str) -> None:
    steps = {100: FINE, 200: second}
    assert knee.past(steps, 200) == why
    assert knee.of(steps) == (100 if why else 200)


def test_a_stage_that_serves_not_even_the_first_step() -> None:
    assert knee.of({50: Seen(1, 2000, 3000, 0)}) == 0


def test_the_pictures_have_a_line_of_each_stage() -> None:
    book = Book()
    for stage in (1, 2):
        book.note(f"users.stage{stage}.cpu.app server", "", 50, "% of a core")
        book.note(f"heavy.stage{stage}.took", "", 8.2)
        book.note(f"knee.stage{stage}.users", "", 100, "users")
        for users in (50, 100):
            for what in ("rate", "p99"):
                book.note(f"knee.stage{stage}.series.{users}.{what}", "", users / 10, "ms")
        for second in range(3):
            book.note(f"heavy.stage{stage}.series.{second}", "", 20, "ms")
    drawn = pictures.draw(result(book))
    assert set(drawn) == {"users-p99", "users-rate", "users-processor", "users-heavy"}
    for picture in drawn.values():
        svg = picture.svg()
        assert "stage 1" in svg
        assert "stage 2" in svg
        assert "2030-01-02 03:04 UTC" in svg
    (axes,) = drawn["users-heavy"].figure.axes
    assert [np.asarray(line.get_xdata()).size for line in axes.lines] == [3, 3]
    assert "knee: 100 users" in drawn["users-p99"].svg()


@pytest.mark.parametrize(
    ("p99", "errors", "verdict"),
    [
        (900, 0, "Holds: hosts and users together kept its 2 cores 60 % busy. The knee was at"),
        (1100, 0, "Missed on this machine: "),
        (900, 2, "Missed on this machine: "),
    ],
)
def test_what_to_believe_of_the_stages(p99: float, errors: float, verdict: str) -> None:
    book = Book()
    for stage in (1, 2):
        key = f"users.stage{stage}"
        book.note(f"{key}.p50", "", 20, "ms")
        book.note(f"{key}.p99", "", p99, "ms", 1000)
        book.note(f"{key}.errors", "", errors, "%", 1)
        book.note(f"{key}.rate", "", 10, "a second")
        for name in ("app server", "generator"):
            book.note(f"{key}.cpu.{name}", "", 60, "% of a core")
        book.note(f"knee.stage{stage}.users", "", 700, "users")
        book.note(f"heavy.stage{stage}.before.p99", "", 50, "ms")
        book.note(f"heavy.stage{stage}.during.p99", "", 200 / stage, "ms")
    rows = [row for row in claims_page.page([result(book)]).splitlines() if row.startswith("| ")][
        1:
    ]
    cells = [row.strip("| ").split(" | ")[-1] for row in rows]
    assert [cell.startswith(verdict) for cell in cells] == [True, True, False]
    assert cells[2] == "4.00 times in stage 1, whose pages share that core; 2.00 times in stage 2."
    assert rows[1].startswith("| Stage 2 is for up to 1,000 users. |")


def test_steps_by_their_start_without_short_ones() -> None:
    book = Book()
    for name, value in (("before", 1.5), ("plan", 2), ("first", 15)):
        book.note(f"stage1.up.{name}", "", value)
    for name, began, took in (("late", 9, 3), ("early", 4, 5), ("short", 4, 0.1)):
        book.note(f"stage1.up.series.began.{name}", "", began)
        book.note(f"stage1.up.step.{name}", "", took)
    steps = stages.steps(result(book), 1)
    assert [(step.title, step.began_s, step.took_s) for step in steps] == [
        ("before the plan", 0, 1.5),
        ("the plan", 1.5, 2),
        ("early", 4, 5),
        ("late", 9, 3),
        ("until the first 200", 0, 15),
    ]
    assert set(stages.draw(result(book))) == {"stages-1"}


def test_a_result_from_before_starts_were_kept_has_no_picture_of_steps() -> None:
    book = Book()
    book.note("stage1.up.step.early", "", 5)
    assert stages.draw(result(book)) == {}
