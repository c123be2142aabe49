"""Two runs of a promotion's steps at once, each on its own machine: the later one goes on alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from components.host.agent import main as host
from components.host.agent import promotion_files, promotion_record
from components.host.agent.report import Failed
from scripts.lib import app_server, failed_boots, promotion_pair
from scripts.lib.promotion_pair import Pair

OTHER = {"side": "from", "other": "shop2"}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion_record, "FILE", tmp_path / "promotion.json")
    monkeypatch.setattr(promotion_record, "TURN", tmp_path / "turn")
    monkeypatch.setattr(host, "LOCK", str(tmp_path / "lock"))


def said(capsys: pytest.CaptureFixture[str], document: dict[str, Any]) -> dict[str, Any]:
    host.main(document)
    answer: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return answer


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("modes", [host.MODES, host.AT_ONCE])
def test_a_run_after_which_another_began_does_nothing_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], modes: dict[str, Any]
) -> None:
    monkeypatch.setitem(modes, "count", lambda _: {"done": True})
    promotion_record.write(phase="copying", **OTHER)
    for run in ("first", "second"):
        asked = {"mode": "promotion turn", "taken": run, "side": "from", "phase": "copying"}
        assert said(capsys, asked) == {"result": {}}
    refused = said(capsys, {"mode": "count", "turn": "first"})
    assert "another step was started after this one" in refused["error"]["cause"]
    for document in ({"mode": "count", "turn": "second"}, {"mode": "count"}):
        assert said(capsys, document) == {"result": {"done": True}}, "its own, or who only looks"


@pytest.mark.usefixtures("server")
def test_a_question_that_was_answered_too_late_does_nothing() -> None:
    """As one of ``--copy``, while someone else switched: it would begin the copy anew."""
    promotion_record.write(phase="switched", **OTHER)
    with pytest.raises(Failed, match="has changed in the meantime"):
        promotion_record.take_turn({"taken": "late", "side": "from", "phase": "copying"})
    assert not promotion_record.TURN.exists(), "the other run goes on"


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("phase", ["", "copying"])
def test_what_a_replaced_server_does_not_know_is_not_undone(phase: str) -> None:
    """An ``--abort`` would give stage 2 its old database back, and drop the one in use."""
    promotion_record.write(phase="switched", side="to", other="shop")
    with pytest.raises(Failed, match="everything written since would be lost"):
        promotion_record.take_turn({"taken": "x", "side": "to", "phase": phase})
    promotion_record.take_turn({"taken": "x", "side": "to", "phase": "switched"})


@pytest.mark.usefixtures("server")
def test_files_that_arrive_after_a_rollback_leave_no_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(promotion_files, "LOCK", tmp_path / "files")

    def rolled_back(_document: dict[str, Any]) -> tuple[()]:
        promotion_record.forget()
        return ()

    monkeypatch.setattr(promotion_files, "_ways", rolled_back)
    promotion_record.write(phase="switched", **OTHER)
    there = {"there": True, "last": True, "without": False, "buckets": {"new": {}, "old": {}}}
    promotion_files.move(there)
    assert promotion_record.read() == {}


def test_whoever_has_the_turn_says_so_with_all_that_it_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[dict[str, Any]] = []

    def work(_props: object, document: dict[str, Any], **_: object) -> dict[str, Any]:
        asked.append(document)
        return {}

    monkeypatch.setattr(app_server, "work", work)
    way_in = dict.fromkeys(failed_boots.NAMES, "")
    turn: dict[str, str] = {}
    old, new = (app_server.AppServer(name, way_in, {}, turn=turn) for name in ("shop", "shop2"))
    session = cast("Any", type("Session", (), {"say": print}))
    both = Pair(session, session, old, new, turn)
    promotion_pair.take_turn(both, "copying")
    both.old_server.perform({"mode": "promotion copy"}, print)
    both.new_server.perform({"mode": "promotion key"}, print)
    taken = asked[0]["taken"]
    turns = {"mode": "promotion turn", "taken": taken, "phase": "copying"}
    assert asked == [
        {**turns, "side": "from"},
        {**turns, "side": "to"},
        {"mode": "promotion copy", "turn": taken},
        {"mode": "promotion key", "turn": taken},
    ]
