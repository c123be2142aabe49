"""The command of a promotion: which step may follow which, and what it asks."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from components.errors import Interrupted, NotConfirmed, StepFailed, UserError
from scripts import promote
from scripts.lib import (
    promotion,
    promotion_files,
    promotion_pair,
    promotion_settings,
    promotion_steps,
    session,
)
from scripts.main import main
from tests.support.promotion_pair import Servers, compared


@pytest.mark.parametrize(
    ("step", "phase", "message"),
    [
        ("verify", "", "--verify: should come after --copy. Run --copy first."),
        ("switch", "", "--switch: should come after --copy. Run --copy first."),
        (
            "rollback",
            "",
            "--rollback: should come after --switch. Stage 1 uses its own database: there is"
            " nothing to roll back.",
        ),
        (
            "allow-migrations",
            "copying",
            "--allow-migrations: should come after --switch. Run --switch first.",
        ),
        ("finish", "copying", "--finish: should come after --switch. Run --switch first."),
        (
            "abort",
            "switched",
            "--abort: should come before --switch, but the app already uses the new database."
            " --rollback goes back.",
        ),
        ("copy", "switched", "--copy: should come before --switch, which has already run"),
        (
            "rollback",
            "finished",
            "--rollback: should come before --finish, which has already run. `./stages down`"
            " removes the old stack.",
        ),
        (
            "switch",
            "rolled back",
            "--switch: should come after --rollback, which has not finished. Run --rollback again.",
        ),
    ],
)
def test_a_step_out_of_turn_is_refused(step: str, phase: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        do(step, Servers({**COPYING, "phase": phase}))
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("step", "phase"),
    [
        ("copy", "copying"),
        ("verify", "copying"),
        ("verify", "switched"),
        ("switch", "copying"),
        ("switch", "switched"),
        ("rollback", "switched"),
        ("finish", "switched"),
        ("finish", "finished"),
        ("allow-migrations", "switched"),
        ("rollback", "rolled back"),
        ("abort", "rolled back"),
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
            "--stall-limit-s: should be more than 0 and at most 110, got 0.0",
        ),
        (["--way", "pigeon"], "--way: should be logical or dump, got 'pigeon'"),
    ],
)
def test_a_command_line_that_says_two_things_is_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["promote", "--from", "local-stage1", "--to", "local-stage2", *words]) == 2
    assert capsys.readouterr().err.strip() == message


COPYING = {"phase": "copying", "app": "", "switching": ""}


def do(step: str, servers: Servers, *, yes: bool = True) -> dict[str, Any]:
    return promote._do(step, servers.pair, promote.Options(yes=yes))


def stop(*_: Any, **__: Any) -> dict[str, Any]:
    raise KeyboardInterrupt


def test_a_switch_that_was_killed_is_finished_or_undone_before_anything_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its record does not say yet where the app is."""
    now = {"phase": "rolled back", "app": "", "switching": ""}
    servers = Servers({**now, "phase": "switched", "switching": "from"}, {}, now)
    monkeypatch.setattr(promotion, "connect", lambda _: {})
    with pytest.raises(UserError, match="should come after --rollback, which has not finished"):
        do("finish", servers)
    assert servers.asked == ["promotion phase", "promotion recover", "promotion phase"]


@pytest.mark.parametrize(("switching", "step"), [("to", "--switch"), ("from", "--rollback")])
def test_whoever_only_looks_is_told_of_a_switch_that_was_killed(
    switching: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion, "connect", lambda _: pytest.fail("something was changed"))
    servers = Servers({"phase": "copying", "app": "", "switching": switching})
    answer = do("", servers, yes=False)
    assert servers.asked == ["promotion phase"]
    assert servers.said == [
        f"{step} was interrupted, or is still running. If interrupted, run `./stages promote --from"
        f" shop --to shop2 {step}` again."
    ]
    assert answer["interrupted"] == step and promote._is_wrong("shop", answer)


@pytest.mark.parametrize(
    ("by", "unfit", "meaning"),
    [
        (
            "logical",
            [],
            "Clients wait for about 1 s (the switch gives up after 5 s) and WebSockets reconnect;"
            " --rollback undoes it.",
        ),
        (
            "dump",
            ["public.events"],
            "Clients wait during dump and restore (the switch gives up after 60 s) and WebSockets"
            " reconnect; there is NO WAY BACK (changes to public.events cannot be replicated to"
            " stage 1).",
        ),
    ],
)
def test_a_switch_asks_with_what_it_means(
    monkeypatch: pytest.MonkeyPatch, by: str, unfit: list[str], meaning: str
) -> None:
    now = {"phase": "copying", "app": "", "switching": ""}
    servers = Servers(now, {"compared": {}, "phase": "copying"}, {"by": by, "unfit": unfit})
    asked: list[str] = []
    monkeypatch.setattr(promote, "confirm", asked.append)
    with pytest.raises(NotConfirmed):
        do("switch", servers, yes=False)
    assert asked == [f"{meaning} Switch the app from shop to shop2?"]


def test_a_step_that_someone_else_has_overtaken_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(promote, "_change", lambda *_: pytest.fail("something was changed"))
    monkeypatch.setattr(
        promotion_pair, "take_turn", lambda _, phase: (_ for _ in ()).throw(StepFailed(phase))
    )
    with pytest.raises(StepFailed, match="copying"):
        do("abort", Servers(COPYING))


def test_a_copy_that_is_under_way_asks_whether_to_continue(monkeypatch: pytest.MonkeyPatch) -> None:
    half = {"bytes": 58 * 1024**2, "source_bytes": 227 * 1024**2}
    servers = Servers(COPYING, half)
    asked: list[str] = []
    monkeypatch.setattr(promote, "confirm", asked.append)
    monkeypatch.setattr(promotion, "connect", lambda _: {})
    with pytest.raises(NotConfirmed):
        do("copy", servers, yes=False)
    assert asked == ["Continue the copy from shop to shop2 (58.0 MiB of 227.0 MiB)?"]


def test_after_the_end_there_is_nothing_to_plan() -> None:
    with pytest.raises(UserError, match="--plan: should come before --finish"):
        do("plan", Servers({**COPYING, "phase": "finished"}))


def test_nothing_is_aborted_where_nothing_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "has_begun", lambda _: False)
    with pytest.raises(UserError) as refused:
        do("abort", Servers({**COPYING, "phase": ""}))
    assert str(refused.value) == "--abort: there is nothing to abort, because --copy has not run"
    assert refused.value.exit_code == 2


def test_a_switch_that_goes_on_does_not_ask_for_another_wait() -> None:
    question = promote._question("switch", Servers().pair, "switched", None)
    assert question == "Continue the switch from shop to shop2?"


def test_whoever_stops_a_step_learns_how_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    shows = "`./stages promote --from shop --to shop2` shows the progress."
    monkeypatch.setattr(promotion_steps, "rollback", stop)
    with pytest.raises(Interrupted) as stopped:
        do("rollback", Servers({**COPYING, "phase": "switched"}))
    assert str(stopped.value) == (
        "Stopped here. The servers finish what they have begun. Run --rollback again to continue;"
        f" {shows}"
    )

    def engine_stopped(*_: Any, **__: Any) -> None:
        raise Interrupted("Stopped. What was under way has ended and is recorded.")

    monkeypatch.setattr(promotion_steps, "finish", engine_stopped)
    with pytest.raises(Interrupted) as stopped:
        do("finish", Servers({**COPYING, "phase": "finished"}))
    assert str(stopped.value) == (
        "Stopped. What was under way has ended and is recorded. Run --finish again to continue;"
        f" {shows}"
    )


@pytest.mark.parametrize(
    ("answers", "how"),
    [
        ([], "The servers finish what they have begun."),
        ([{}], "The app of shop2 is stopped; the servers go on copying."),
    ],
)
def test_whoever_stops_a_copy_learns_that_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]], how: str
) -> None:
    servers = Servers(COPYING, *answers)
    for name in ("begin", "connect"):
        monkeypatch.setattr(promotion, name, lambda *_, **__: {})
    monkeypatch.setattr(promotion_settings, "open_networks", lambda _: None)
    monkeypatch.setattr(promotion_files, "copy", lambda _: None)
    monkeypatch.setattr(promotion_pair, "take_turn", lambda *_: None)
    perform = servers.perform
    servers.pair.old_server.perform = lambda *words, **more: (  # type: ignore[method-assign]
        perform(*words, **more) if servers.answers else stop()
    )
    with pytest.raises(Interrupted) as stopped:
        do("copy", servers)
    assert str(stopped.value) == (
        f"Stopped here. {how} Run --copy again to continue; --abort undoes it and starts the app of"
        " shop2."
    )


@pytest.mark.parametrize("words", [[], ["--json"]])
@pytest.mark.parametrize(("blocks", "code"), [(True, 1), (False, 0)])
def test_a_plan_with_an_obstacle_fails_like_status(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    blocks: bool,
    code: int,
) -> None:
    plan = {"obstacles": [{"problem": "no", "remedy": "none", "blocks": blocks}]}
    monkeypatch.setattr(session, "open_session", lambda *_, **__: None)
    monkeypatch.setattr(
        promotion_pair, "pair", lambda *_: SimpleNamespace(old=SimpleNamespace(stack="shop"))
    )
    monkeypatch.setattr(promotion_pair, "position", lambda _: {"phase": ""})
    monkeypatch.setattr(promotion_steps, "plan", lambda *_, **__: plan)
    assert main(["promote", "--from", "shop", "--to", "shop2", "--plan", *words]) == code
    assert capsys.readouterr().out == (json.dumps(plan, indent=2) + "\n" if words else "")


def test_rows_that_differ_keep_from_the_switch() -> None:
    with pytest.raises(StepFailed) as refused:
        promote._refuse_differences("switch", Servers(compared("differs", "copying")).pair)
    assert str(refused.value) == (
        "--switch: THE TWO DATABASES DIFFER in public.orders (1 row: 17). Start again with --abort,"
        " then --copy. --verify compares again; --unverified ignores the difference."
    )
    for state in ("none", "same", "failed", "running"):
        promote._refuse_differences("switch", Servers(compared(state, "copying")).pair)


@pytest.mark.parametrize("before", ["none", "failed", "differs"])
def test_before_the_end_all_rows_are_compared(before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "connect", lambda _: {})
    servers = Servers(compared(before), {}, compared("same"))
    promote._refuse_differences("finish", servers.pair)
    assert servers.asked == ["promotion state", "promotion compare", "promotion state"]
    servers = Servers(compared(before), {}, compared("differs"))
    with pytest.raises(StepFailed, match="The two databases differ"):
        promote._refuse_differences("finish", servers.pair)
    assert servers.said[0] == "Comparing every row first ..."
    assert "THE TWO DATABASES DIFFER in public.orders (1 row: 17)" in servers.said[-1]


def test_rows_that_were_compared_are_not_compared_again_at_the_end() -> None:
    servers = Servers(compared("same"))
    promote._refuse_differences("finish", servers.pair)
    assert servers.asked == ["promotion state"]


PENDING = {**compared("same"), "files": "pending"}


def test_the_end_is_refused_while_users_files_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(promote, "confirm", lambda _: False)
    switched, moved = {**COPYING, "phase": "switched"}, {**PENDING, "files": "moved"}
    with pytest.raises(StepFailed) as refused:
        do("finish", Servers(switched, PENDING, PENDING), yes=False)
    assert str(refused.value) == (
        "--finish: USERS' FILES of shop are not all in the bucket of shop2. `./stages promote"
        " --from shop --to shop2 --switch` copies them; `./stages promote --from shop --to shop2"
        " --finish --without-files` leaves them."
    )
    with pytest.raises(NotConfirmed):
        do("finish", Servers(switched, moved, moved), yes=False)
