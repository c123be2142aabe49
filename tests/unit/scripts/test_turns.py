"""What becomes of a deploy while another one runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from pulumi.automation.errors import ConcurrentUpdateError

from components.errors import StackBusy
from scripts.lib import own_backend, turns
from scripts.lib.session import Session

BUSY = "Stack s is being changed by process 42 of ann since 03:02:01 on 2026-05-04"


class Runs:
    """A stack that others change: ``busy`` says who, one look after the other."""

    def __init__(self, *busy: str) -> None:
        self.busy = list(busy)
        self.opened = 0
        self.messages: list[str] = []

    def open(self) -> Session:
        self.opened += 1
        return cast(Session, SimpleNamespace(say=self.messages.append))

    def flow(self, session: Session) -> None:
        if self.busy:
            raise StackBusy(self.busy.pop(0), "Wait for it.")
        session.say("deployed")

    def take(self, *, wait: bool) -> list[str]:
        turns.take(self.open, self.flow, wait=wait, sleep=lambda _: None)
        return self.messages


def test_the_second_is_refused() -> None:
    runs = Runs(BUSY)
    with pytest.raises(StackBusy, match="process 42 of ann"):
        runs.take(wait=False)
    assert runs.messages == []


def test_the_second_waits_and_then_begins_from_the_file() -> None:
    runs = Runs(BUSY, BUSY)
    assert runs.take(wait=True) == [f"{BUSY}: waiting for it.", "deployed"]
    assert runs.opened == 3


def test_nobody_waits_where_nobody_is_in_the_way() -> None:
    assert Runs().take(wait=True) == ["deployed"]


@pytest.mark.parametrize(
    ("engine", "by"),
    [
        (
            "error: the stack is currently locked by 1 lock(s). Either wait for the other "
            "process(es) to end or delete the lock file with `pulumi cancel`.\n"
            "  s3://state/.pulumi/locks/organization/stages/s/1.json: created by ann@laptop "
            "(pid 42) at 2026-05-04T03:02:01Z",
            " by process 42 of ann@laptop since 2026-05-04T03:02:01Z",
        ),
        ("  file:///x.json: created by @ (pid 0) at 0001-01-01T00:00:00Z", ""),
        ("[409] Conflict: Another update is currently in progress.", ""),
    ],
)
def test_who_holds_the_lock_of_a_state_elsewhere(engine: str, by: str) -> None:
    error = own_backend.locked("s", ConcurrentUpdateError(cast(Any, engine)))
    assert str(error).startswith(
        f"Stack s is locked in its state{by}: another run is changing it, or one was killed. "
    )
