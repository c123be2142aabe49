"""A switch that is killed before any one of its actions: the next run finishes or undoes it, and
does then what it should at once."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.host.agent import (
    promotion_dump,
    promotion_guard,
    promotion_pooler,
    promotion_record,
    promotion_switch,
)
from components.host.agent.promotion_sql import BACK, SLOT, SUBSCRIPTION, make_slot
from components.host.agent.report import Failed

FOLLOWER = {SLOT: SUBSCRIPTION, BACK: BACK}
COPYING = {
    "phase": "copying",
    "switching": "",
    "paused": False,
    "pool": "old",
    "log in": (True, True),
    "slots": ({SLOT}, set()),
    "subscriptions": ({}, {SUBSCRIPTION: True}),
    "compared": False,
}
SWITCHED = {
    **COPYING,
    "phase": "switched",
    "pool": "new",
    "log in": (False, True),
    "slots": (set(), {BACK}),
    "subscriptions": ({BACK: True}, {}),
}
ROLLED_BACK = {
    **SWITCHED,
    "phase": "rolled back",
    "pool": "old",
    "log in": (True, False),
    "subscriptions": ({BACK: False}, {}),
}
ALONE: dict[str, Any] = {"slots": (set(), set()), "subscriptions": ({}, {})}
"""Of a dump that the old database cannot follow: it is compared while clients wait, or never."""
DUMPED = {**SWITCHED, "compared": True}
EVENTS = ["public.events"]


class Killed(BaseException):
    """Nothing of the program runs after it."""


class Database:
    """What a switch changes in one of the two databases."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act = act
        self.logs_in = True
        self.slots: set[str] = set()
        self.subscriptions: dict[str, bool] = {}
        self.other = self

    def ask(self, sql: str) -> str:
        answers = []
        for statement in filter(str.strip, sql.split(";")):
            self.act()
            answers.append(self.answer(statement))
        return "\n".join(filter(None, answers))

    def answer(self, sql: str) -> str:
        words = re.search(r"(slot_name|subname) = '(\w+)'", sql)
        name = words[2] if words else ""
        if login := re.search(r"ALTER ROLE app (NO)?LOGIN", sql):
            self.logs_in = not login[1]
        elif changed := re.search(r"ALTER SUBSCRIPTION (\w+) (ENABLE|DISABLE)", sql):
            assert changed[1] in self.subscriptions
            self.subscriptions[changed[1]] = changed[2] == "ENABLE"
        elif made := re.search(r"CREATE SUBSCRIPTION (\w+)", sql):
            assert made[1] not in self.subscriptions
            self.subscriptions[made[1]] = True
        elif dropped := re.search(r"DROP SUBSCRIPTION (\w+)", sql):
            del self.subscriptions[dropped[1]]
        elif slot := re.search(r"pg_create_logical_replication_slot\('(\w+)'", sql):
            assert slot[1] not in self.slots
            self.slots.add(slot[1])
        elif "pg_drop_replication_slot" in sql:
            self.slots.discard(name)
        elif "count(*) FROM pg_subscription" in sql:
            return str(int(name in self.subscriptions))
        elif "confirmed_flush_lsn >= " in sql:
            assert name in self.slots and self.other.subscriptions[FOLLOWER[name]], "it would wait"
            return "t"
        elif "wal_status" in sql:
            return json.dumps({"bytes": 0, "kept": "reserved"}) if name in self.slots else ""
        elif "SELECT pg_current_wal_lsn()" in sql:
            return "0/1"
        elif "pg_sequences" in sql:
            return "{}"
        elif "json_agg" in sql:
            return "[]"
        return ""


class Host:
    """The server of stage 1 between its two databases; killed before its action ``last``."""

    def __init__(
        self, folder: Path, by: str, unfit: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.done = self.last = 0
        self.unfit = unfit
        self.killed = self.paused = False
        self.old, self.new = Database(self.act), Database(self.act)
        self.old.other, self.new.other = self.new, self.old
        if by == "logical":
            self.old.slots, self.new.subscriptions = {SLOT}, {SUBSCRIPTION: True}
        self.databases, self.settings = folder / "databases", folder / "settings"
        self.replace(self.files("old"))
        self.document: dict[str, Any] = {
            "link": {"ca_file": "ca", "password": "p", "admin": {"PGHOST": "h"}},
            "files": self.files("new"),
            "stall_s": 60,
        }
        promotion_record.forget()
        promotion_record.write(phase="copying", by=by)
        self._stand_in(monkeypatch)

    def _stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        switch = functools.partial(monkeypatch.setattr, promotion_switch)
        switch("old", lambda _, sql, **__: self.old.ask(sql))
        switch("new", lambda _, sql, **__: self.new.ask(sql))
        switch("old_superuser", self.old.ask)
        switch("beside_new", lambda _, sql: self.new.ask(sql))
        for name in ("old_reader", "new_reader"):
            switch(name, lambda *_: "")
        switch("changed", lambda _: [])
        switch("indexes_left", lambda _: 0)
        state = {"tables": 1, "ready": 1, "enabled": True, "indexes_left": 0}
        switch("progress", lambda _: {**state, "lag": {"active": True, "bytes": 0}})
        for name in ("check_rehearsal", "empty", "analyze"):
            monkeypatch.setattr(promotion_dump, name, lambda *_: None)
        monkeypatch.setattr(promotion_dump, "transfer", self.transfer)
        monkeypatch.setattr(promotion_dump, "offer_way_back", self.offer_way_back)
        monkeypatch.setattr(promotion_guard, "watch", lambda: None)
        monkeypatch.setattr(promotion_guard, "let_in", lambda _: None)
        monkeypatch.setattr(promotion_pooler, "pause", self.pause)
        monkeypatch.setattr(promotion_pooler, "resume", self.resume)
        monkeypatch.setattr(promotion_pooler, "Files", lambda: self)
        monkeypatch.setattr(promotion_record, "DATABASES", str(self.databases))
        write = promotion_record.write

        def writing(**fields: Any) -> None:
            self.act()
            write(**fields)

        monkeypatch.setattr(promotion_record, "write", writing)

    def files(self, content: str) -> dict[str, dict[str, str]]:
        return {str(path): {"content": content} for path in (self.databases, self.settings)}

    def act(self) -> None:
        self.done += 1
        self.killed = self.killed or self.done == self.last
        if self.killed:
            raise Killed

    def replace(self, files: Mapping[str, Mapping[str, str]]) -> None:
        for path, file in files.items():
            self.act()
            Path(path).write_text(file["content"])

    def transfer(self, *_: object) -> None:
        assert self.paused and not self.old.logs_in, "the app could write"

    def offer_way_back(self, _link: object) -> list[str]:
        if not self.unfit:
            self.new.ask(make_slot(BACK))
        return self.unfit

    def pause(self) -> float:
        self.act()
        self.paused = True
        return time.monotonic()

    def resume(self) -> None:
        """Without the settings for the new database, with its TLS, the pool reaches only the old
        one."""
        self.act()
        if self.databases.read_text() == "new":
            assert self.settings.read_text() == "new" and self.new.logs_in
        else:
            assert self.old.logs_in
        self.paused = False

    def stands(self) -> dict[str, Any]:
        known = promotion_record.read()
        return {
            "phase": known["phase"],
            "switching": known.get("switching", ""),
            "paused": self.paused,
            "pool": self.databases.read_text(),
            "log in": (self.old.logs_in, self.new.logs_in),
            "slots": (self.old.slots, self.new.slots),
            "subscriptions": (self.old.subscriptions, self.new.subscriptions),
            "compared": promotion_record.COMPARED.exists(),
        }


def differing(_link: object, _sql: str) -> str:
    return "public.orders|1"


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("fails", [False, True], ids=["goes well", "fails"])
@pytest.mark.parametrize(
    ("by", "unfit", "back", "before", "after"),
    [
        ("logical", [], False, COPYING, SWITCHED),
        ("logical", [], True, SWITCHED, ROLLED_BACK),
        ("dump", [], False, {**COPYING, **ALONE}, DUMPED),
        ("dump", EVENTS, False, {**COPYING, **ALONE}, {**DUMPED, **ALONE}),
    ],
    ids=["switch", "rollback", "dump", "dump without a way back"],
)
def test_a_step_that_is_killed_is_finished_or_undone(
    tmp_path: Path,
    by: str,
    unfit: list[str],
    back: bool,
    before: dict[str, Any],
    after: dict[str, Any],
    fails: bool,
) -> None:
    step = promotion_switch.back if back else promotion_switch.switch
    kills, was_killed = 0, True
    while was_killed:
        kills += 1
        with pytest.MonkeyPatch.context() as monkeypatch:
            host = Host(tmp_path, by, unfit, monkeypatch)
            if back:
                promotion_switch.switch(host.document)
            host.done, host.last = 0, kills
            with monkeypatch.context() as meanwhile, contextlib.suppress(Failed, Killed):
                if fails:
                    meanwhile.setattr(promotion_switch, "new_reader", differing)
                step(host.document)
            was_killed, host.killed, host.last = host.killed, False, 0
            promotion_switch.recover(host.document)
            assert host.stands() in (before, after), f"before action {kills}"
            step(host.document)
            assert host.stands() == after, f"before action {kills}"
            assert promotion_record.read().get("unfit", []) == unfit
    assert kills > 10
