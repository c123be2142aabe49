"""How an ``up`` ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from components import outputs, settings
from components.errors import StepFailed
from components.seam.operations import Operations
from scripts.lib import certificate, epilogue, status
from scripts.lib.checkout import Checkout
from scripts.lib.display import make_screen
from scripts.lib.session import Session
from tests.support.planned import stack_values

URL = "http://10.1.0.10"
REFUSED = "503 Service Unavailable"


class Clock:
    """Time that passes only in a pause."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(epilogue, "time", clock)
    return clock


def asked(monkeypatch: pytest.MonkeyPatch, answers: Iterator[str]) -> list[tuple[object, ...]]:
    """The questions that the site was asked."""
    questions: list[tuple[object, ...]] = []

    def ask(*arguments: object) -> tuple[bool, str]:
        questions.append(arguments)
        answer = next(answers)
        return answer.startswith(("2", "404")), answer

    monkeypatch.setattr(status, "ask", ask)
    return questions


def end(
    tmp_path: Path, run_s: float = 12, url: str = URL, to: str = "", *, last: bool = True
) -> None:
    promoted = {"database.promoted_to": to} if to else {}
    session = Session(
        stack="s",
        checkout=Checkout(tmp_path),
        settings=settings.read("s", {**stack_values("local-stage1"), **promoted}),
        engine=cast(Any, None),
        operations=Operations(),
        screen=make_screen(),
    )
    values = {outputs.URL: url, outputs.ADDRESS: "10.1.0.10"}
    progress = SimpleNamespace(run=SimpleNamespace(outputs=values), elapsed_s=run_s)
    epilogue.tell(session, cast(Any, progress), last=last)


@pytest.mark.parametrize("last", [True, False])
def test_an_up_inside_another_command_does_not_say_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], last: bool
) -> None:
    asked(monkeypatch, iter(["200 in 9 ms"]))
    end(tmp_path, last=last)
    assert ("Next: make status" in capsys.readouterr().out) == last


@pytest.mark.parametrize(("run_s", "patience_s"), [(12.0, 5.0), (1393.0, 139.3)])
def test_the_first_answer_may_take_longer_where_the_run_did(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    run_s: float,
    patience_s: float,
) -> None:
    """An up of 23 min 13 s, in an emulated machine, ended with "no answer (timed out, 5 s)"."""
    questions = asked(monkeypatch, iter(["200 in 9000 ms"]))
    end(tmp_path, run_s)
    assert questions == [(URL, "10.1.0.10", pytest.approx(patience_s))]
    assert f"{URL}   (200 in 9000 ms)" in capsys.readouterr().out


def test_an_app_that_has_just_got_its_database_back_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """PgBouncer looks again within 4 s; an `up` that asked only once said that it had failed."""
    asked(monkeypatch, iter([REFUSED, "no answer (timed out, 5 s)", "200 in 9 ms"]))
    end(tmp_path)
    said = capsys.readouterr().out
    assert f"Waiting for {URL}: {REFUSED} ...\n\n  {URL}   (200 in 9 ms)" in said


def test_an_app_that_does_not_answer_in_the_end_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    asked(monkeypatch, iter(lambda: REFUSED, ""))
    with pytest.raises(StepFailed, match=f"^{URL}: should answer, got {REFUSED}"):
        end(tmp_path)
    assert clock.now == pytest.approx(epilogue.SETTLE_S)


@pytest.mark.parametrize("answer", ["404 Not Found", f"503 {status.IN_MAINTENANCE}"])
def test_an_app_without_a_first_page_and_one_in_maintenance_are_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    questions = asked(monkeypatch, iter([answer]))
    end(tmp_path)
    assert len(questions) == 1


def test_a_promoted_stack_waits_for_no_name_to_point_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(monkeypatch, iter(["200 in 9 ms"]))
    monkeypatch.setattr(certificate, "settle", pytest.fail)
    end(tmp_path, url="https://a.example", to="s2")
    said = capsys.readouterr().out
    assert "The app was promoted to s2: deploy there, not here." in said
