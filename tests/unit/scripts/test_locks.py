"""Who holds a stack's lock, and what is done about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from components.errors import BUSY
from scripts.lib.locks import Lock, Process, Verdict, judge, parse, refusal

MADE = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
LOCK = Lock(pid=42, user="ann", machine="here", since=MADE)


def process(name: str, after_s: float) -> Process:
    return Process(name, MADE + timedelta(seconds=after_s))


def test_a_lock_file_as_the_engine_writes_it() -> None:
    text = (
        '{"pid":42,"username":"ann","hostname":"here",'
        '"timestamp":"2026-05-04T05:02:01.123456789+02:00"}'
    )
    lock = parse(text)
    assert (lock.pid, lock.user, lock.machine) == (42, "ann", "here")
    assert lock.since.astimezone(UTC).replace(microsecond=0) == MADE


@pytest.mark.parametrize("text", ["", '{"pid": 42', "{}", '{"pid": null}', "[]"])
def test_what_is_no_lock(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize(
    ("machine", "process", "verdict"),
    [
        ("here", None, Verdict.DEAD),
        ("here", process("pulumi", -1), Verdict.BUSY),
        ("here", process("python3", -1), Verdict.BUSY),
        ("here", process("python3", 60), Verdict.DEAD),
        ("here", process("pulumi", 60), Verdict.BUSY),
        ("here", process("python3", 4), Verdict.BUSY),
        ("there", None, Verdict.ELSEWHERE),
        ("there", process("pulumi", -1), Verdict.ELSEWHERE),
    ],
)
def test_what_a_lock_means(machine: str, process: Process | None, verdict: Verdict) -> None:
    assert judge(LOCK, machine, process) is verdict


def test_a_lock_that_is_not_ours_to_break_is_told_with_a_way_on() -> None:
    since = MADE.astimezone().strftime("%H:%M:%S on %Y-%m-%d")
    busy = refusal("s1", LOCK, Verdict.BUSY)
    assert busy.exit_code == BUSY == 4
    assert str(busy) == (
        f"Stack s1 is being changed by process 42 of ann since {since}. "
        "Wait for it (`up` and `deploy` do with --wait), or end it with `kill 42` and run the "
        "command again."
    )
    elsewhere = refusal("s1", LOCK, Verdict.ELSEWHERE)
    assert elsewhere.exit_code == BUSY
    assert str(elsewhere) == (
        f"Stack s1 was locked by process 42 on machine here at {since}. "
        "If nothing runs there any more: `. .stages/env; pulumi cancel --yes --stack s1`, "
        "then run the command again."
    )
