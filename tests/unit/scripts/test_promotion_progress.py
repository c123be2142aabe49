"""How a promotion stands, as it is shown; which stacks it can be between, and what servers say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from components.errors import NotUp, UserError, not_up
from scripts import promote
from scripts.lib import (
    app_server,
    promotion,
    promotion_pair,
    promotion_progress,
)
from scripts.lib.session import Session
from tests.support.promotion_pair import LOST, Servers


def test_progress_has_rate_and_time_left() -> None:
    half = {"tables": 4, "ready": 2, "bytes": 60 * 1024**2, "source_bytes": 100 * 1024**2}
    line = promotion_progress.progress_line(half, 20 * 1024**2, 10)
    assert line == "  2 of 4 tables, 60.0 MiB of 100.0 MiB, 4.0 MiB/s, about 10 s left"
    whole = {**half, "ready": 4, "indexes_left": 0}
    assert promotion_progress.progress_line(whole, 0, 10) == "  4 of 4 tables, 60.0 MiB"
    line = promotion_progress.progress_line({**whole, "indexes_left": 2}, 0, 10)
    assert line == "  4 of 4 tables, 60.0 MiB; 2 indexes to build"


def test_progress_after_the_switch_is_loud_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers(LOST)
    monkeypatch.setattr(promotion, "connect", lambda _: {})
    assert promotion_progress.show(servers.pair, "switched") == LOST
    assert promote._is_wrong("shop", LOST)
    assert servers.said[0].endswith("there is NO WAY BACK")
    assert servers.said[1].startswith("promotion: NO WAY BACK to shop")


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (
            0,
            [
                "The copy of shop in shop2 is complete and receives every change; --switch comes"
                " next:",
                "  4 of 4 tables, 8.0 MiB",
            ],
        ),
        (
            1,
            [
                "shop is being copied to shop2; run --copy to continue:",
                "  4 of 4 tables, 8.0 MiB; 1 index to build",
            ],
        ),
    ],
)
def test_progress_says_what_comes_next(
    monkeypatch: pytest.MonkeyPatch, left: int, said: list[str]
) -> None:
    size = 8 * 1024**2
    progress = {"tables": 4, "ready": 4, "bytes": size, "source_bytes": size, "indexes_left": left}
    state = {**LOST, "phase": "copying", "by": "logical", "way_back": {}}
    servers = Servers(state, {**progress, "lag": {"kept": "reserved"}})
    monkeypatch.setattr(promotion, "connect", lambda _: {})
    promotion_progress.show(servers.pair, "copying")
    assert servers.said == said


def test_progress_of_a_copy_that_was_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = {"tables": 4, "ready": 2, "bytes": 1, "source_bytes": 2, "lag": {"kept": "lost"}}
    state = {**LOST, "phase": "copying", "by": "logical", "way_back": {}}
    servers = Servers({**state, "compared": {"state": "running", "done": 1, "tables": 4}}, progress)
    monkeypatch.setattr(promotion, "connect", lambda _: {})
    seen = promotion_progress.show(servers.pair, "copying")
    assert seen.items() >= progress.items() and promote._is_wrong("shop", seen)
    assert "2 of 4 tables" in servers.said[1] and "THE COPY WAS CUT OFF" in servers.said[2]
    assert servers.said[3:] == ["  rows are being compared: 1 of 4 tables done"]


def test_steps_that_begin_alike_are_said_once() -> None:
    said: list[str] = []
    steps = promotion_pair.Steps(said.append)
    for step in ("copy the schema", "compare public.a (1 of 2)", "compare public.b (2 of 2)"):
        steps(f"shop: {step}")
    steps("shop2: compare the tables")
    assert said == [
        "  shop: copy the schema ...",
        "  shop: compare public.a (1 of 2) ...",
        "  shop2: compare the tables ...",
    ]


def session(stack: str, stage: int) -> Session:
    settings = SimpleNamespace(stage=stage)
    return cast("Session", SimpleNamespace(stack=stack, settings=settings, say=print))


def test_an_old_stack_that_is_down_is_not_to_be_brought_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_: Any) -> None:
        raise not_up("shop")

    monkeypatch.setattr(app_server, "read", read)
    with pytest.raises(NotUp) as refused:
        promotion_pair.pair(session("shop", 1), session("shop2", 2))
    assert str(refused.value) == (
        "Stack shop is not up, so there is no promotion from it. After --finish and `down` nothing"
        " is left to do."
    )


def test_stacks_of_other_stages_make_no_pair() -> None:
    with pytest.raises(UserError) as refused:
        promotion_pair.pair(session("shop2", 2), session("shop", 1))
    assert str(refused.value) == (
        "A promotion leads from stage 1 to stage 2, not from stage 2 to stage 1. Swap --from and"
        " --to, or name other stacks."
    )
