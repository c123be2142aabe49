"""The steps of a promotion: which may follow which, and what is shown of the copy."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from components.errors import Interrupted, NotConfirmed, NotUp, StepFailed, UserError, not_up
from scripts import promote
from scripts.lib import app_server, backups, promotion, promotion_files, session
from scripts.main import main


@pytest.mark.parametrize(
    ("step", "phase", "message"),
    [
        ("verify", "", "--verify: should come after --copy. Run --copy first."),
        ("switch", "", "--switch: should come after --copy. Run --copy first."),
        (
            "rollback",
            "",
            "--rollback: should come after --switch. Stage 1 uses its own database: there is"
            " nothing to go back from.",
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
            "--abort: should come before the switch, and the app uses the new database."
            " --rollback goes back.",
        ),
        ("copy", "switched", "--copy: should come before the switch, and it has been done"),
        (
            "rollback",
            "finished",
            "--rollback: should come before --finish, and that has been done. `./stages down` takes"
            " the old stack away.",
        ),
        (
            "switch",
            "rolled back",
            "--switch: should come after the rollback has come to its end. Run --rollback again.",
        ),
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


def test_progress_has_rate_and_time_left() -> None:
    half = {"tables": 4, "ready": 2, "bytes": 60 * 1024**2, "source_bytes": 100 * 1024**2}
    line = promote.progress_line(half, 20 * 1024**2, 10)
    assert line == "  2 of 4 tables, 60.0 MiB of 100.0 MiB, 4.0 MiB/s, about 10 s left"
    whole = {**half, "ready": 4, "indexes_left": 0}
    assert promote.progress_line(whole, 0, 10) == "  4 of 4 tables, 60.0 MiB"
    line = promote.progress_line({**whole, "indexes_left": 2}, 0, 10)
    assert line == "  4 of 4 tables, 60.0 MiB; 2 indexes to build"


class Servers:
    """A pair of stacks whose stage 1 server answers from a list."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.said: list[str] = []
        server = SimpleNamespace(perform=self.perform)
        stacks = {"old": SimpleNamespace(stack="shop"), "new": SimpleNamespace(stack="shop2")}
        both = SimpleNamespace(**stacks, old_server=server, say=self.said.append)
        self.pair = cast("promotion.Pair", both)

    def perform(self, document: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        self.asked.append(document["mode"])
        return self.answers.pop(0)


LOST = {
    "phase": "switched",
    "side": "from",
    "other": "shop2",
    "way_back": {"state": "lost", "active": False, "bytes": 0},
}


def test_without_a_way_back_nothing_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers(LOST)
    monkeypatch.setattr(promotion, "move_app_back", lambda _: pytest.fail("stage 2 was stopped"))
    with pytest.raises(StepFailed, match="--rollback: NO WAY BACK to shop"):
        promote._rollback(servers.pair, 5, "switched")
    assert servers.asked == ["promotion state"]


def test_tables_that_have_changed_keep_from_a_rollback(monkeypatch: pytest.MonkeyPatch) -> None:
    back = {"state": "changed", "active": True, "bytes": 0, "tables": ["public.orders"]}
    servers = Servers({**LOST, "way_back": back})
    monkeypatch.setattr(promotion, "move_app_back", lambda _: pytest.fail("stage 2 was stopped"))
    with pytest.raises(StepFailed, match=r"NO WAY BACK to shop: public\.orders changed"):
        promote._rollback(servers.pair, 5, "switched")


def test_a_switch_that_was_killed_is_finished_or_undone_before_anything_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its record does not say yet where the app is."""
    now = {"phase": "rolled back", "app": "", "switching": ""}
    servers = Servers({**now, "phase": "switched", "switching": "from"}, {}, now)
    monkeypatch.setattr(promotion, "way", lambda _: {})
    with pytest.raises(UserError, match="should come after the rollback has come to its end"):
        promote._do(
            "finish",
            servers.pair,
            None,
            None,
            replace=False,
            unverified=False,
            without_files=False,
            yes=True,
        )
    assert servers.asked == ["promotion phase", "promotion recover", "promotion phase"]


@pytest.mark.parametrize(("switching", "step"), [("to", "--switch"), ("from", "--rollback")])
def test_whoever_only_looks_is_told_of_a_switch_that_was_killed(
    switching: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion, "way", lambda _: pytest.fail("something was changed"))
    servers = Servers({"phase": "copying", "app": "", "switching": switching})
    options = {"replace": False, "unverified": False, "without_files": False, "yes": False}
    answer = promote._do("", servers.pair, None, None, **options)
    assert servers.asked == ["promotion phase"]
    assert servers.said == [
        f"{step} was interrupted, unless it is still at work: run `./stages promote --from shop"
        f" --to shop2 {step}` again."
    ]
    assert answer["interrupted"] == step and promote._is_wrong("shop", answer)


@pytest.mark.parametrize(
    ("by", "unfit", "meaning"),
    [
        (
            "logical",
            [],
            "Clients wait about 1 s (given up after 5 s), WebSockets reconnect; --rollback undoes"
            " it.",
        ),
        (
            "dump",
            ["public.events"],
            "Clients wait for dump and restore (given up after 60 s), WebSockets reconnect; there"
            " is NO WAY BACK (stage 1 cannot follow public.events).",
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
        promote._do(
            "switch",
            servers.pair,
            None,
            None,
            replace=False,
            unverified=False,
            without_files=False,
            yes=False,
        )
    assert asked == [f"{meaning} Switch the app from shop to shop2?"]


COPYING = {"phase": "copying", "app": "", "switching": ""}


def test_a_copy_that_is_under_way_asks_whether_to_continue(monkeypatch: pytest.MonkeyPatch) -> None:
    half = {"bytes": 58 * 1024**2, "source_bytes": 227 * 1024**2}
    servers = Servers(COPYING, half)
    asked: list[str] = []
    monkeypatch.setattr(promote, "confirm", asked.append)
    monkeypatch.setattr(promotion, "way", lambda _: {})
    with pytest.raises(NotConfirmed):
        do("copy", servers, yes=False)
    assert asked == ["Continue the copy from shop to shop2 (58.0 MiB of 227.0 MiB)?"]


def test_nothing_is_aborted_where_nothing_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "has_begun", lambda _: False)
    with pytest.raises(UserError) as refused:
        do("abort", Servers({**COPYING, "phase": ""}))
    assert str(refused.value) == "--abort: there is nothing to abort, for --copy has not run"
    assert refused.value.exit_code == 2


def test_steps_that_begin_alike_are_said_once() -> None:
    said: list[str] = []
    steps = promotion.Steps(said.append)
    for step in ("copy the schema", "compare public.a (1 of 2)", "compare public.b (2 of 2)"):
        steps(f"shop: {step}")
    steps("shop2: compare the tables")
    assert said == [
        "  shop: copy the schema ...",
        "  shop: compare public.a (1 of 2) ...",
        "  shop2: compare the tables ...",
    ]


def test_an_old_stack_that_is_down_is_not_to_be_brought_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_: Any) -> None:
        raise not_up("shop")

    monkeypatch.setattr(app_server, "read", read)
    sessions = [
        SimpleNamespace(stack=name, settings=SimpleNamespace(stage=stage), say=print)
        for name, stage in (("shop", 1), ("shop2", 2))
    ]
    with pytest.raises(NotUp) as refused:
        promotion.pair(*cast("Any", sessions))
    assert str(refused.value) == (
        "Stack shop is not up, so there is no promotion from it. After --finish and `down` nothing"
        " is left to do."
    )


def test_a_switch_that_goes_on_does_not_ask_for_another_wait() -> None:
    question = promote._question("switch", Servers().pair, "switched", None)
    assert question == "Go on with the switch from shop to shop2?"


def do(step: str, servers: Servers, *, yes: bool = True) -> dict[str, Any]:
    return promote._do(
        step,
        servers.pair,
        None,
        None,
        replace=False,
        unverified=False,
        without_files=False,
        yes=yes,
    )


def stop(*_: Any, **__: Any) -> dict[str, Any]:
    raise KeyboardInterrupt


def test_whoever_stops_a_step_learns_how_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    shows = "`./stages promote --from shop --to shop2` shows how it stands."
    monkeypatch.setattr(promote, "_rollback", stop)
    with pytest.raises(Interrupted) as stopped:
        do("rollback", Servers({**COPYING, "phase": "switched"}))
    assert str(stopped.value) == (
        f"Stopped here. A server ends what it has begun. --rollback continues; {shows}"
    )

    def engine_stopped(*_: Any, **__: Any) -> None:
        raise Interrupted("Stopped. What was under way has ended and is recorded.")

    monkeypatch.setattr(promote, "_finish", engine_stopped)
    with pytest.raises(Interrupted) as stopped:
        do("finish", Servers({**COPYING, "phase": "finished"}))
    assert str(stopped.value) == (
        f"Stopped. What was under way has ended and is recorded. --finish continues; {shows}"
    )


@pytest.mark.parametrize(
    ("answers", "how"),
    [
        ([], "A server ends what it has begun."),
        ([{}], "The app of shop2 is stopped; the servers go on copying."),
    ],
)
def test_whoever_stops_a_copy_learns_that_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]], how: str
) -> None:
    servers = Servers(COPYING, *answers)
    for name in ("let_in", "begin", "way"):
        monkeypatch.setattr(promotion, name, lambda *_, **__: {})
    monkeypatch.setattr(promotion_files, "copy", lambda _: None)
    perform = servers.perform
    servers.pair.old_server.perform = lambda *words, **more: (  # type: ignore[method-assign]
        perform(*words, **more) if servers.answers else stop()
    )
    with pytest.raises(Interrupted) as stopped:
        do("copy", servers)
    assert str(stopped.value) == (
        f"Stopped here. {how} --copy continues, --abort undoes it and starts the app of shop2."
    )


def test_a_rollback_that_was_killed_at_its_end_moves_nothing_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    servers = Servers({})
    monkeypatch.setattr(promotion, "move_app_back", lambda _: pytest.fail("it was moved again"))
    monkeypatch.setattr(promotion, "way", lambda _: {})
    monkeypatch.setattr(promotion, "close", lambda _: servers.asked.append("close"))
    monkeypatch.setattr(promotion, "bring_up", lambda _, to: servers.asked.append(f"record {to}"))
    promote._rollback(servers.pair, None, "rolled back")
    assert servers.said == [
        "The app uses its old database again.",
        "shop serves the app again, with everything written since; shop2 has its own database and"
        " app again. --copy begins anew.",
    ]
    record = "record {'database.promoted_to': None}"
    assert servers.asked == [record, "promotion clear", "close"]


def test_progress_after_the_switch_is_loud_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers(LOST)
    monkeypatch.setattr(promotion, "way", lambda _: {})
    assert promote._progress(servers.pair, "switched") == LOST
    assert promote._is_wrong("shop", LOST)
    assert servers.said[0].endswith("there is NO WAY BACK")
    assert servers.said[1].startswith("promotion: NO WAY BACK to shop")


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (
            0,
            [
                "The copy of shop in shop2 is complete and follows; --switch comes next:",
                "  4 of 4 tables, 8.0 MiB",
            ],
        ),
        (
            1,
            [
                "shop is being copied to shop2; --copy continues:",
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
    monkeypatch.setattr(promotion, "way", lambda _: {})
    promote._progress(servers.pair, "copying")
    assert servers.said == said


def test_a_copy_says_that_its_indexes_are_built() -> None:
    servers = Servers({}, {"indexes_left": 0, "lag": None})
    promote._finish_copy(servers.pair, {}, 1)
    assert servers.said == [
        "  1 index built",
        "shop2 has everything and follows; --switch comes next.",
    ]


def test_progress_of_a_copy_that_was_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = {"tables": 4, "ready": 2, "bytes": 1, "source_bytes": 2, "lag": {"kept": "lost"}}
    state = {**LOST, "phase": "copying", "by": "logical", "way_back": {}}
    servers = Servers({**state, "compared": {"state": "running", "done": 1, "tables": 4}}, progress)
    monkeypatch.setattr(promotion, "way", lambda _: {})
    seen = promote._progress(servers.pair, "copying")
    assert seen.items() >= progress.items() and promote._is_wrong("shop", seen)
    assert "2 of 4 tables" in servers.said[1] and "THE COPY WAS CUT OFF" in servers.said[2]
    assert servers.said[3:] == ["  rows are being compared: 1 of 4 tables done"]


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
        promotion, "pair", lambda *_: SimpleNamespace(old=SimpleNamespace(stack="shop"))
    )
    monkeypatch.setattr(promotion, "position", lambda _: {"phase": ""})
    monkeypatch.setattr(promote, "_plan", lambda *_, **__: plan)
    assert main(["promote", "--from", "shop", "--to", "shop2", "--plan", *words]) == code
    assert capsys.readouterr().out == (json.dumps(plan, indent=2) + "\n" if words else "")


def compared(state: str, phase: str = "switched") -> dict[str, Any]:
    way_back = {"state": "open", "active": True, "bytes": 0} if phase == "switched" else {}
    orders = {
        "table": "public.orders",
        "rows": 1,
        "keys": [["17", "first and other"]],
        "at_least": False,
    }
    known = {"state": state, "tables": 3, "ended": 160.0, "differs": [orders]}
    return {**LOST, "phase": phase, "way_back": way_back, "compared": known}


def test_rows_that_differ_keep_from_the_switch() -> None:
    with pytest.raises(StepFailed) as refused:
        promote._refuse_differences("switch", Servers(compared("differs", "copying")).pair)
    assert str(refused.value) == (
        "--switch: THE TWO DATABASES DIFFER in public.orders (1 row: 17). --abort, then --copy,"
        " begins anew. --verify compares again; --unverified goes on all the same."
    )
    for state in ("none", "same", "failed", "running"):
        promote._refuse_differences("switch", Servers(compared(state, "copying")).pair)


@pytest.mark.parametrize("before", ["none", "failed", "differs"])
def test_before_the_end_all_rows_are_compared(before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "way", lambda _: {})
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


def test_a_dump_without_a_way_back_says_so_before_anything_stops() -> None:
    way_back = {"state": "none", "unfit": ["public.events"]}
    state = {**LOST, "way_back": way_back, "compared": {"state": "same", "tables": 1, "ended": 9}}
    with pytest.raises(StepFailed) as refused:
        promote._rollback(Servers(state).pair, None, "switched")
    assert str(refused.value) == (
        "--rollback: NO WAY BACK to shop, as the plan said: stage 1 cannot follow public.events."
        " `./stages promote --from shop --to shop2 --finish` keeps it."
    )
    servers = Servers(state)
    promote._state(servers.pair)
    assert servers.said == [
        "PROMOTION: shop2 serves the app, and shop forwards to it; --finish ends it, and there is"
        " NO WAY BACK: stage 1 cannot follow public.events",
        "  1 tables compared, every row, 1970-01-01 00:00: same",
    ]


def test_a_rehearsal_says_how_long_clients_will_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "way", lambda _: {})
    servers = Servers({"tables": 3, "rehearsed_s": 4.21})
    monkeypatch.setattr(promotion, "let_in", lambda _: None)
    monkeypatch.setattr(promotion, "begin", lambda _, way, **__: way or "dump")
    monkeypatch.setattr(promotion_files, "copy", lambda _: None)
    promote._copy(servers.pair, None, without_files=False)
    assert servers.asked == ["promotion rehearse"]
    assert "took 4.2 s: clients will wait for about a second more" in servers.said[0]


def test_whoever_stops_waiting_for_a_comparison_does_not_end_it() -> None:
    servers = Servers()

    def stopped(*_: Any, **__: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    servers.pair.old_server.perform = stopped  # type: ignore[method-assign]
    with pytest.raises(Interrupted) as stop:
        promote._verify(servers.pair, {})
    assert str(stop.value) == (
        "The server goes on comparing; `./stages promote --from shop --to shop2` shows how far it"
        " is."
    )


@pytest.mark.parametrize(
    ("off", "refusal", "said"),
    [
        (False, None, "The first backup of shop2 is being made; `./stages status shop2` shows it."),
        (True, None, "shop2 makes no backups. Remove stages:backups.off and bring it up."),
        (
            False,
            StepFailed("backup now of shop2 failed: no room"),
            "The first backup of shop2 does not begin: backup now of shop2 failed: no room",
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


PENDING = {**compared("same"), "files": "pending"}


def test_the_end_is_refused_while_users_files_are_missing() -> None:
    with pytest.raises(StepFailed) as refused:
        promote._refuse_without_files(Servers(PENDING).pair)
    assert str(refused.value) == (
        "--finish: USERS' FILES of shop are not all in the bucket of shop2. `./stages promote"
        " --from shop --to shop2 --switch` copies them; `./stages promote --from shop --to shop2"
        " --finish --without-files` leaves them."
    )
    promote._refuse_without_files(Servers({**PENDING, "files": "moved"}).pair)


class Steps:
    """What a step does with the app and its files, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        for name in ("move_app", "move_app_back", "bring_up", "back_up"):
            monkeypatch.setattr(promotion, name, self._noted(name))
        monkeypatch.setattr(promotion, "way", lambda _: {})
        monkeypatch.setattr(promotion_files, "copy", self._copy)
        monkeypatch.setattr(promotion_files, "bring_back", self._noted("bring back"))
        self.broken = False

    def _noted(self, name: str) -> Any:
        return lambda *_, **__: self.done.append(name)

    def _copy(self, _both: Any, *, last: bool = False) -> None:
        self.done.append("last copy" if last else "copy")
        if last and self.broken:
            raise StepFailed("no route to the bucket")


@pytest.mark.parametrize(("phase", "first"), [("copying", ["copy"]), ("switched", [])])
def test_what_stage_1_wrote_to_its_end_goes_over_after_it(
    monkeypatch: pytest.MonkeyPatch, phase: str, first: list[str]
) -> None:
    steps = Steps(monkeypatch)
    servers = Servers({"stall_s": 0.5, "already": False}, compared("same"))
    promote._switch(servers.pair, None, phase)
    assert servers.said == [
        "The app uses the new database. Clients waited for 0.50 s.",
        "shop2 serves the app, and shop forwards to it. --rollback goes back, with everything"
        " written since.",
        "Until --finish: deploy to shop2 only, without migrations (one that changes a table ends"
        " the way back), and leave the site's name on shop while you may go back.",
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
        promote._switch(servers.pair, None, "copying")
    assert str(failed.value) == (
        "USERS' FILES of shop are not all in the bucket of shop2: no route to the bucket. Run"
        " --switch again: only what is missing is copied."
    )
    assert steps.done[-2:] == ["bring_up", "back_up"]
    assert "USERS' FILES: no route to the bucket" in servers.said


def test_files_come_back_before_the_app_and_once_more_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = Steps(monkeypatch)
    promote._move_back(Servers(compared("same"), {"stall_s": 0.5}).pair, None)
    assert steps.done == ["bring back", "move_app_back", "bring back"]
