"""The steps of a promotion: which may follow which, and what is shown of the copy."""

from __future__ import annotations

import pytest

from components.errors import UserError
from scripts import promote
from scripts.main import main


@pytest.mark.parametrize(
    ("step", "phase", "message"),
    [
        ("switch", "", "--switch: should come after --copy. Run --copy first."),
        ("rollback", "copying", "--rollback: should come after --switch. Run --switch first."),
        ("finish", "copying", "--finish: should come after --switch. Run --switch first."),
        (
            "abort",
            "switched",
            "--abort: should come before the switch, and the app uses the new database."
            " --rollback goes back.",
        ),
        ("copy", "switched", "--copy: should come before the switch, and it has been done"),
    ],
)
def test_a_step_out_of_turn_is_refused(step: str, phase: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        promote._allowed(step, phase)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("step", "phase"),
    [
        ("copy", "copying"),
        ("switch", "copying"),
        ("switch", "switched"),
        ("rollback", "switched"),
        ("finish", "switched"),
        ("abort", "copying"),
        ("abort", ""),
    ],
)
def test_a_step_in_its_turn_or_once_more_is_done(step: str, phase: str) -> None:
    promote._allowed(step, phase)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--copy", "--switch"], "promote: should be given one step, got --copy, --switch"),
        (
            ["--stall-limit-s", "0"],
            "--stall-limit-s: should be more than 0 and at most 60, got 0.0",
        ),
    ],
)
def test_a_command_line_that_says_two_things_is_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["promote", "--from", "local-stage1", "--to", "local-stage2", *words]) == 2
    assert capsys.readouterr().err.strip() == message


def test_progress_has_rate_and_time_left() -> None:
    half = {"tables": 4, "ready": 2, "bytes": 60 * 1024**2, "source_bytes": 100 * 1024**2}
    line = promote.progress_line(half, 20 * 1024**2, 10)
    assert line == "  2 of 4 tables, 60.0 MiB of 100.0 MiB, 4.0 MiB/s, about 10 s left"
    assert promote.progress_line({**half, "ready": 4}, 0, 10).endswith("60.0 MiB of 100.0 MiB")
