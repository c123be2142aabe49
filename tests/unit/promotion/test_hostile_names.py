"""What the app's owner may call a table, a row or an error does nothing to the operator's terminal:
from the server's answer on it is in one line, and every character of it is seen."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import pytest

from components import outputs
from components.errors import UserError
from components.host.agent import promotion_sql
from components.host.agent.report import MOST_QUOTED, Done, Failed, quoted
from components.remote import ssh as remote
from components.remote import work
from components.seam.power import Route
from components.visible import one_line, visible_json
from planning.promotion import facts, steps
from planning.promotion.methods import choose
from planning.promotion.obstacles import obstacles
from scripts import promote
from scripts.lib import (
    app_server,
    backups,
    confirm,
    failed_boots,
    promotion,
    promotion_progress,
    promotion_steps,
    promotion_words,
    status,
)
from scripts.lib.promotion_pair import Pair, Steps
from tests.unit.promotion.test_obstacles import NEW, OLD
from tests.unit.scripts.test_status_words import WELL

WITHOUT_THE_APP = {"database.py"}
"""The SQL of the stage, which nothing of the app's is in."""
HOSTILE = (
    "a\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202e\u2028b\n\n::error::c\n##[error]d\n"
    f"PROMOTION: done. Now run `./stages delete-data shop`.{' ' * 200}e"
)
TABLE = f'public."{HOSTILE}"'
DIFFERS = {"table": TABLE, "rows": 2, "keys": [[HOSTILE, "first"]], "at_least": False}
STATE = {
    "phase": "copying",
    "side": "from",
    "other": "shop2",
    "by": "logical",
    "way_back": {},
    "unfit": [TABLE],
    "compared": {"state": "differs", "tables": 1, "differs": [DIFFERS]},
}
LOST = {**STATE, "phase": "switched", "way_back": {"state": "changed", "tables": [TABLE]}}
DATABASE = {
    **dataclasses.asdict(OLD.database),
    "extensions": [HOSTILE],
    "available": [],
    "views": [TABLE],
    "foreign": [TABLE],
    "large_objects": 1,
    "tables": [
        {
            "name": TABLE,
            "bytes": 1,
            "rows": 1,
            "identity": False,
            "unlogged": True,
            "owner": HOSTILE,
        }
    ],
}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """What the server says in each mode; before it, it has a hostile step and note."""
    known: dict[str, dict[str, Any]] = {}
    target = remote.Target(host="10.0.0.2", host_key="k", login="l")

    def converse(
        _target: remote.Target,
        _command: str,
        first: bytes,
        on_line: Callable[[str, IO[bytes]], None],
        **_: Any,
    ) -> None:
        mode = json.loads(first)["document"]["mode"]
        for message in ({"step": TABLE}, {"note": TABLE}, known[mode]):
            on_line(json.dumps(message), cast("IO[bytes]", None))

    monkeypatch.setattr(remote, "converse", converse)
    monkeypatch.setattr(work, "route", lambda *_: Route(host="10.0.0.2"))
    monkeypatch.setattr("scripts.lib.ssh.target", lambda _: target)
    monkeypatch.setattr(promotion, "connect", lambda _: {})
    return known


@pytest.fixture
def said() -> Iterator[list[str]]:
    """Everything that is said comes in one line, in which nothing is hidden."""
    lines: list[str] = []
    yield lines
    assert lines
    for line in lines:
        assert line.isprintable() and " " * 20 not in line and "##[" not in line, line


@pytest.fixture
def both(said: list[str]) -> Pair:
    way_in = dict.fromkeys(failed_boots.NAMES, "")
    server = app_server.AppServer("shop", way_in, {}, Steps(said.append))
    stack = type("Stack", (), {"say": staticmethod(said.append)})
    old, new = (type("Stack", (stack,), {"stack": name}) for name in ("shop", "shop2"))
    return Pair(cast("Any", old), cast("Any", new), server, server)


def test_in_the_plan(both: Pair, answers: dict[str, Any], said: list[str]) -> None:
    answers["promotion facts"] = {"result": {"database": DATABASE}}
    answer = both.old_server.perform({"mode": "promotion facts"}, both.say)
    old = dataclasses.replace(OLD, database=facts.database(answer["database"]))
    for wanted in ("logical", "dump", None):
        method = choose(old, NEW, wanted)
        listed = obstacles(old, NEW, method)
        said += steps.lines(old, NEW, method, listed)
        said += visible_json(steps.as_json(old, NEW, method, listed)).splitlines()
        assert not any("\\u001b" in line for line in said)
    remedies = [obstacle.remedy for obstacle in obstacles(old, NEW, choose(old, NEW, "logical"))]
    assert "ALTER TABLE ... OWNER TO app." in remedies and "ALTER TABLE ... SET LOGGED." in remedies


def test_in_the_question(
    both: Pair, answers: dict[str, Any], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", said.append)
    answers["promotion state"] = {"result": {**STATE, "by": "dump"}}
    confirm.confirm(promote._question("switch", both, "copying", None))
    confirm.confirm(HOSTILE)
    assert "PROMOTION: done" in said[-2] and "PROMOTION: done" in said[-1]


@pytest.mark.parametrize("state", [STATE, LOST])
def test_in_a_comparison(
    both: Pair, answers: dict[str, Any], said: list[str], state: dict[str, Any]
) -> None:
    answers["promotion compare"] = {"result": {"differs": [DIFFERS]}}
    answers["promotion state"] = {"result": state}
    with pytest.raises(UserError) as failed:
        promotion_steps.verify(both, {})
    said.append(str(failed.value))
    said += visible_json(promotion_progress.show_state(both)).splitlines()
    with pytest.raises(UserError) as refused:
        promote._refuse_differences("switch", both)
    said.append(str(refused.value))


def test_in_a_failure(both: Pair, answers: dict[str, Any], said: list[str]) -> None:
    answers["promotion switch"] = {"error": {"host": "shop", "where": TABLE, "cause": HOSTILE}}
    with pytest.raises(UserError) as failed:
        both.old_server.perform({"mode": "promotion switch"}, both.say)
    said.append(str(failed.value))


def test_in_an_error_that_the_app_raises(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    """Its words are in quotes, and a remedy among them is none of ours."""
    raised = f'psql:<stdin>:1: ERROR:  stopped". Run `curl x | sh`. {"e" * 1000}'
    monkeypatch.setattr(promotion_sql, "run", lambda *_, **__: Done(3, f"{HOSTILE}\n{raised}"))
    with pytest.raises(Failed) as failed:
        promotion_sql.old_superuser("SELECT 1")
    said.append(one_line(failed.value.cause))
    assert said[0][0] == said[0][-1] == '"' and said[0].count('"') == 2
    assert len(failed.value.cause) == MOST_QUOTED + 2
    assert quoted("") == '""'


def test_a_database_is_quoted_wherever_it_is_asked() -> None:
    """What SQL answered goes into a sentence in quotes alone."""
    bare = {
        file.name
        for file in Path(promotion_sql.__file__).parent.glob("*.py")
        if "admin_sql" in (text := file.read_text())
        and re.search(r"(?<!quoted\()done\.(tail|last_line)\(", text)
    }
    assert bare == WITHOUT_THE_APP


@pytest.mark.parametrize("state", [STATE, LOST])
def test_in_status(answers: dict[str, Any], said: list[str], state: dict[str, Any]) -> None:
    failing = {"now": 9.0, "backup": {"ok": False, "at": 1.0, "problem": HOSTILE}}
    unit = {"state": "failed", "sub": "x", "result": HOSTILE, "exit": "1", "restarts": 0}
    more = f"{status.BACKUPS}\n{json.dumps(failing)}"
    host = {**WELL, "promotion": state, "more": more, "boot": HOSTILE, "units": {HOSTILE: unit}}
    answers["health"] = {"result": host}
    seen = status.look("shop", {outputs.SSH_HOST: "10.0.0.2"}, {})
    assert seen.troubles and seen.backups
    said += [*seen.lines(), *promotion_words.lines("shop", seen.promotion), *seen.backups]
    said += visible_json(seen.as_json()).splitlines()
    stranger = {**seen.promotion, "other": "shop2`; curl x | sh; `"}
    assert "curl" not in "".join(promotion_words.lines("shop", stranger))


def test_in_backups(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_self: object, _line: str, _what: str, answer: IO[bytes]) -> None:
        made = {"restore_s": 1.0, "tables": {TABLE: 1}, "tables_now": {TABLE: 2}}
        answer.write(json.dumps(made).encode())

    monkeypatch.setattr(backups.Server, "_run", run)
    monkeypatch.setattr(backups, "command_line", lambda *_, **__: "")
    session: Any = type("Session", (), {"settings": type("Settings", (), {"stage": 1})})
    made = backups.Server("shop", {}, session).run("restore")
    said += [re.sub(" +", " ", line) for line in backups.comparison(made)]  # it has columns
