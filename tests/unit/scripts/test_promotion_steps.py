"""What the steps of a promotion do, in order, and what they say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from components.errors import Interrupted, StepFailed
from scripts import stack
from scripts.lib import (
    app_server,
    backups,
    flows,
    promotion,
    promotion_app,
    promotion_files,
    promotion_progress,
    promotion_settings,
    promotion_steps,
    views,
)
from scripts.main import main
from tests.support.promotion_pair import LOST, Servers, compared

WITHOUT_ANY = {"state": "none", "unfit": ["public.events"]}
CHANGED = {"state": "changed", "active": True, "bytes": 0, "tables": ["public.orders"]}


@pytest.mark.parametrize(
    ("way_back", "why"),
    [
        (LOST["way_back"], "the database of shop2 has lost its replication slot"),
        (CHANGED, r"public\.orders changed"),
        (WITHOUT_ANY, r"as the plan said: changes to public\.events cannot be replicated"),
    ],
)
def test_without_a_way_back_nothing_is_stopped(way_back: dict[str, Any], why: str) -> None:
    servers = Servers({**LOST, "way_back": way_back})
    with pytest.raises(StepFailed, match=f"--rollback: NO WAY BACK to shop.* {why}.*--finish"):
        promotion_steps.rollback(servers.pair, 5, "switched")
    assert servers.asked == ["promotion state"]


def test_a_rollback_that_was_killed_at_its_end_moves_nothing_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    servers = Servers({})
    monkeypatch.setattr(promotion_app, "move_app_back", lambda _: pytest.fail("it was moved again"))
    monkeypatch.setattr(promotion, "connect", lambda _: {})
    monkeypatch.setattr(promotion, "close", lambda _: servers.asked.append("close"))
    monkeypatch.setattr(
        promotion_settings, "bring_up", lambda _, to: servers.asked.append(f"record {to}")
    )
    promotion_steps.rollback(servers.pair, None, "rolled back")
    assert servers.said == [
        "The app uses its old database again.",
        "shop serves the app again, with everything written since; shop2 has its own database and"
        " app back. To try again, start with --copy.",
    ]
    record = "record {'database.promoted_to': None}"
    assert servers.asked == [record, "promotion clear", "close"]


def test_a_copy_says_that_its_indexes_are_built() -> None:
    servers = Servers({}, {"indexes_left": 0, "lag": None})
    promotion_steps._finish_copy(servers.pair, {}, 1)
    assert servers.said == [
        "  1 index built",
        "shop2 has all rows and receives every change; --switch comes next.",
    ]


def test_a_dump_without_a_way_back_says_so() -> None:
    compared = {"state": "same", "tables": 1, "ended": 9}
    servers = Servers({**LOST, "way_back": WITHOUT_ANY, "compared": compared})
    promotion_progress.show_state(servers.pair)
    assert servers.said == [
        "PROMOTION: shop2 serves the app, and shop forwards to it; --finish makes it final, and"
        " there is NO WAY BACK: changes to public.events cannot be replicated to stage 1",
        "  every row of 1 table compared at 1970-01-01 00:00: no difference",
    ]


def test_a_rehearsal_says_how_long_clients_will_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "connect", lambda _: {})
    servers = Servers({"tables": 3, "rehearsed_s": 4.21})
    monkeypatch.setattr(promotion_settings, "open_networks", lambda _: None)
    monkeypatch.setattr(promotion, "begin", lambda _, method, **__: method or "dump")
    monkeypatch.setattr(promotion_files, "copy", lambda _: None)
    promotion_steps.copy(servers.pair, None, without_files=False)
    assert servers.asked == ["promotion rehearse"]
    assert "took 4.2 s; clients will wait about a second longer than that" in servers.said[0]


def test_whoever_stops_waiting_for_a_comparison_does_not_end_it() -> None:
    servers = Servers()

    def stopped(*_: Any, **__: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    servers.pair.old_server.perform = stopped  # type: ignore[method-assign]
    with pytest.raises(Interrupted) as stop:
        promotion_steps.verify(servers.pair, {})
    assert str(stop.value) == (
        "The server goes on comparing; `./stages promote --from shop --to shop2` shows how far it"
        " is."
    )


@pytest.mark.parametrize(
    ("off", "refusal", "said"),
    [
        (False, None, "The first backup of shop2 has begun; `./stages status shop2` shows it."),
        (True, None, "shop2 makes no backups. Remove stages:backups.off and bring it up."),
        (
            False,
            StepFailed("backup now of shop2 failed: no room"),
            "The first backup of shop2 could not be started: backup now of shop2 failed: no room",
        ),
    ],
)
def test_the_new_database_gets_a_first_backup_by_itself(
    monkeypatch: pytest.MonkeyPatch, off: bool, refusal: StepFailed | None, said: str
) -> None:
    """Begun only: the switch does not wait for it, and does not fail with it."""
    begun: list[str] = []

    def begin(word: str) -> None:
        begun.append(word)
        if refusal:
            raise refusal

    servers = Servers()
    new = cast("Any", servers.pair.new)
    new.settings = SimpleNamespace(backups=SimpleNamespace(off=off))
    monkeypatch.setattr(backups, "server", lambda _: SimpleNamespace(begin=begin))
    promotion.back_up(servers.pair)
    assert servers.said == [said]
    assert begun == ([] if off else ["now"])


class Steps:
    """What a step does with the app and its files, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        for module, name in (
            (promotion_app, "move_app"),
            (promotion_app, "move_app_back"),
            (promotion_settings, "bring_up"),
            (promotion, "back_up"),
        ):
            monkeypatch.setattr(module, name, self._noted(name))
        monkeypatch.setattr(promotion, "connect", lambda _: {})
        monkeypatch.setattr(promotion_files, "copy", self._copy)
        monkeypatch.setattr(promotion_files, "bring_back", self._noted("bring back"))
        self.broken = False

    def _noted(self, name: str) -> Any:
        return lambda *_, **__: self.done.append(name)

    def _copy(self, _both: Any, *, last: bool = False) -> None:
        self.done.append("last copy" if last else "copy")
        if last and self.broken:
            raise StepFailed("no route to the bucket", "Look.")


@pytest.mark.parametrize(("phase", "first"), [("copying", ["copy"]), ("switched", [])])
def test_what_stage_1_wrote_to_its_end_goes_over_after_it(
    monkeypatch: pytest.MonkeyPatch, phase: str, first: list[str]
) -> None:
    steps = Steps(monkeypatch)
    servers = Servers({"stall_s": 0.5, "already": False}, compared("same"))
    promotion_steps.switch(servers.pair, None, phase)
    assert servers.said == [
        "The app uses the new database. Clients waited for 0.50 s.",
        "shop2 serves the app, and shop forwards to it. --rollback goes back, with everything"
        " written since.",
        "Until --finish: deploy to shop2 only, and without migrations (once a table has changed,"
        " --rollback is impossible); leave the site's domain pointing to shop.",
        "Next: watch `./stages status shop2` for a day, then --finish.",
    ]
    assert steps.done == [*first, "move_app", "last copy", "bring_up", "back_up"]


def test_a_switch_that_has_happened_goes_on_without_the_files_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = Steps(monkeypatch)
    steps.broken = True
    servers = Servers({"stall_s": 0.5, "already": False}, compared("same"))
    with pytest.raises(StepFailed) as failed:
        promotion_steps.switch(servers.pair, None, "copying")
    assert str(failed.value) == (
        "USERS' FILES of shop are not all in the bucket of shop2: no route to the bucket. Look."
        " Run --switch again: it copies only what is missing."
    )
    assert steps.done[-2:] == ["bring_up", "back_up"]
    assert "USERS' FILES: no route to the bucket. Look." in servers.said


def test_files_come_back_before_the_app_and_once_more_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = Steps(monkeypatch)
    promotion_steps._move_back(Servers(compared("same"), {"stall_s": 0.5}).pair, None)
    assert steps.done == ["bring back", "move_app_back", "bring back"]


@pytest.mark.parametrize("command", ["down", "replace"])
def test_the_server_that_a_rollback_needs_stays(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where the checkout does not know of the promotion."""
    done: list[str] = []
    state = {"phase": "switched", "side": "from", "other": "shop2"}
    old = SimpleNamespace(stack="shop", settings=SimpleNamespace(stage=1), say=print)
    monkeypatch.setattr(stack, "_open", lambda *_: old)
    monkeypatch.setattr(views, "is_up", lambda _: True)
    monkeypatch.setattr(app_server, "read", lambda _: SimpleNamespace(perform=lambda *_: state))
    monkeypatch.setattr(flows, command, lambda *_, **__: done.append(command))
    monkeypatch.setattr(promotion, "forget", lambda _: None)
    assert main([command, "shop", "--yes"]) == 1
    assert not done
    assert capsys.readouterr().err.strip() == (
        "Stack shop is being promoted to shop2, and --rollback needs its server."
        " Run `./stages promote --from shop --to shop2 --finish` first."
    )
    state["phase"] = "finished"
    assert main([command, "shop", "--yes"]) == 0
    assert done == [command]
