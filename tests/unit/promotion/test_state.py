"""How a promotion stands: what a server says of it, and the words for its operator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.host.agent import promotion_pooler, promotion_record, promotion_state, release
from components.host.agent.files import write_json
from components.host.agent.report import Done, Failed
from scripts.lib import promotion_words

SWITCHED = {"phase": "switched", "side": "from", "other": "shop2"}
FOLLOWS = {"bytes": 56, "kept": "reserved", "active": True}


SHAPE = {"public.orders": 1, "public.users": 2}


def asked(
    slot: dict[str, Any] | None, published: bool = True, not_published: list[str] | None = None
) -> str:
    tables = {"shape": SHAPE, "not_published": not_published or []}
    return json.dumps({"slot": slot, "published": published, "keeps_all": False, **tables})


def answers(monkeypatch: pytest.MonkeyPatch, output: str, code: int = 0) -> None:
    monkeypatch.setattr(promotion_pooler, "as_app", lambda _: Done(code, output))


@pytest.mark.parametrize(
    ("output", "way_back"),
    [
        (asked(FOLLOWS), {"state": "open", "active": True, "bytes": 56, "keeps_all": False}),
        (
            asked({**FOLLOWS, "kept": "lost"}),
            {"state": "lost", "active": True, "bytes": 56, "keeps_all": False},
        ),
        (asked(None), {"state": "lost", "active": False, "bytes": 0, "keeps_all": False}),
        (asked(None, published=False), {"state": "none", "unfit": ["public.events"]}),
        ("", {"state": "unknown"}),
        ('["whatever the app calls json_build_object"]', {"state": "unknown"}),
        ("not JSON", {"state": "unknown"}),
    ],
)
def test_the_slot_in_the_new_database_is_the_way_back(
    record: Path, monkeypatch: pytest.MonkeyPatch, output: str, way_back: dict[str, Any]
) -> None:
    promotion_record.write(**SWITCHED, password="x", unfit=["public.events"], at=170.0)
    answers(monkeypatch, output)
    assert promotion_state.state({}) == {
        **SWITCHED,
        "by": "logical",
        "app": "",
        "way_back": way_back,
        "since": 170.0,
        "compared": {"state": "none"},
        "unfit": [],
    }


@pytest.mark.parametrize(
    ("old", "not_published", "tables"),
    [
        (SHAPE, [], []),
        ({**SHAPE, "public.orders": 7}, [], ["public.orders"]),
        ({"public.orders": 1}, [], ["public.users"]),
        ({**SHAPE, "public.late": 3}, [], ["public.late"]),
        (SHAPE, ["public.users"], ["public.users"]),  # it was made in both
        (None, [], []),  # it does not answer
    ],
)
def test_tables_that_have_changed_in_one_database_alone_end_the_way_back(
    record: Path,
    monkeypatch: pytest.MonkeyPatch,
    old: dict[str, int] | None,
    not_published: list[str],
    tables: list[str],
) -> None:
    def ask_old(connection: dict[str, str], _sql: str) -> str:
        assert connection == {"PGUSER": "stages_promotion"}
        if old is None:
            raise Failed("the database of stage 1", "does not answer")
        return json.dumps(old)

    promotion_record.write(**SWITCHED, old={"PGUSER": "stages_promotion"})
    monkeypatch.setattr(promotion_state, "ask_old", ask_old)
    answers(monkeypatch, asked(FOLLOWS, not_published=not_published))
    back = promotion_state.state({})["way_back"]
    assert isinstance(back, dict)
    assert (back["state"], back.get("tables", [])) == ("changed" if tables else "open", tables)


UP = {"release": {"commit": "b" * 40, "directory": "", "build": "x", "release_command": "migrate"}}


@pytest.mark.parametrize(
    ("known", "command", "slot", "refused"),
    [
        ({"side": "to"}, "migrate", FOLLOWS, True),
        ({"side": "to"}, "", FOLLOWS, False),
        ({"side": "to", "migrations": True}, "migrate", FOLLOWS, False),
        ({"side": "to"}, "migrate", {**FOLLOWS, "kept": "lost"}, False),
        ({"side": "from"}, "migrate", FOLLOWS, False),  # no release is built there
        ({"side": "to", "phase": "copying"}, "migrate", FOLLOWS, False),  # refused otherwise
    ],
)
def test_a_deploy_to_stage_2_does_not_end_the_way_back_by_the_way(
    record: Path,
    monkeypatch: pytest.MonkeyPatch,
    known: dict[str, Any],
    command: str,
    slot: dict[str, Any],
    refused: bool,
) -> None:
    promotion_record.write(**{**SWITCHED, "other": "shop", **known})
    monkeypatch.setattr(release, "active", lambda: "another")
    answers(monkeypatch, asked(slot))
    document = {"release": {**UP["release"], "release_command": command}}
    if not refused:
        promotion_state.refuse_to_end_way_back(document)
        return
    with pytest.raises(Failed, match="from shop can still be rolled back") as failure:
        promotion_state.refuse_to_end_way_back(document)
    assert "--finish` first" in failure.value.remedy
    promotion_record.allow_migrations({})  # as the remedy says
    promotion_state.refuse_to_end_way_back(document)


@pytest.mark.parametrize(
    ("by", "output", "unfit"),
    [
        ("dump", '["public.events"]', ["public.events"]),
        ("dump", "not JSON", []),
        ("logical", '["public.events"]', []),
    ],
)
def test_before_a_switch_by_dump_the_old_database_says_what_it_could_not_follow(
    record: Path, monkeypatch: pytest.MonkeyPatch, by: str, output: str, unfit: list[str]
) -> None:
    promotion_record.write(**{**SWITCHED, "phase": "copying", "by": by})
    answers(monkeypatch, output)
    assert promotion_state.state({})["unfit"] == unfit


def test_a_database_that_does_not_answer_has_not_lost_it(
    record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promotion_record.write(**SWITCHED)
    answers(monkeypatch, "", code=2)
    assert promotion_state.state({})["way_back"] == {"state": "unknown"}


def test_before_the_switch_nobody_is_asked(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion_pooler, "as_app", pytest.fail)
    assert promotion_state.state({}) == {}
    promotion_record.write(**{**SWITCHED, "phase": "copying"})
    assert promotion_state.state({})["way_back"] == {}


def stands(side: str, **way_back: Any) -> dict[str, Any]:
    other = "shop2" if side == "from" else "shop"
    return {"phase": "switched", "side": side, "other": other, "way_back": way_back}


@pytest.mark.parametrize(("stack", "side"), [("shop", "from"), ("shop2", "to")])
def test_both_stacks_say_loudly_that_there_is_no_way_back(stack: str, side: str) -> None:
    lost = stands(side, state="lost", active=False, bytes=0)
    assert promotion_words.lines(stack, lost)[0] == (
        "PROMOTION: shop2 serves the app, and shop forwards to it; --finish makes it final, and"
        " there is NO WAY BACK"
    )
    (trouble,) = promotion_words.troubles(stack, lost)
    assert str(trouble) == (
        "promotion: NO WAY BACK to shop: the database of shop2 has lost its replication slot, as in"
        " a failover, and only it has what was written since. `./stages promote --from shop --to"
        " shop2 --finish` keeps the new database"
    )


def test_both_stacks_name_the_tables_that_have_changed() -> None:
    tables = ["public.a", "public.b", "public.c", "public.d"]
    back = stands("to", state="changed", active=True, bytes=0, tables=tables)
    named = "public.a, public.b, public.c, ... changed in the database"
    assert promotion_words.lines("shop2", back)[0].endswith(f"there is NO WAY BACK: {named}")
    (trouble,) = promotion_words.troubles("shop2", back)
    assert str(trouble) == (
        f"promotion: NO WAY BACK to shop: {named} of shop2 since the switch, and replication does"
        " not copy schema changes. `./stages promote --from shop --to shop2 --finish` keeps the new"
        " database"
    )


def test_what_is_well_is_no_trouble_and_what_stands_still_is() -> None:
    well = stands("from", state="open", active=True, bytes=56)
    assert promotion_words.troubles("shop", well) == []
    assert promotion_words.lines("shop", well)[0].endswith(
        "--finish makes it final, --rollback goes back (shop is 56 bytes behind, which is normal)"
    )
    (trouble,) = promotion_words.troubles(
        "shop", stands("from", **{**well["way_back"], "active": False})
    )
    assert trouble.what.endswith("56 bytes behind: if that lasts, there is no way back")
    unknown = stands("from", state="unknown")
    assert promotion_words.troubles("shop", unknown) == []
    assert promotion_words.lines("shop", unknown)[0].endswith("could not be checked")


def test_wal_that_is_kept_without_limit_is_a_trouble_with_a_way_out() -> None:
    (trouble,) = promotion_words.troubles(
        "shop2", stands("to", state="open", active=False, bytes=56, keeps_all=True)
    )
    assert str(trouble) == (
        "promotion: shop receives no changes from shop2, 56 bytes behind: if that lasts, the WAL"
        " kept for it fills the disk of the database of shop2. `./stages promote --from shop --to"
        " shop2` restarts the tunnel; PostgreSQL's log on shop has more; `./stages promote --from"
        " shop --to shop2 --finish` ends the promotion without a way back, and frees that WAL"
    )


def test_without_a_promotion_and_during_its_copy() -> None:
    assert promotion_words.lines("shop", {}) == [] and promotion_words.troubles("shop", {}) == []
    copying = {**SWITCHED, "phase": "copying", "way_back": {}}
    assert promotion_words.troubles("shop", copying) == []
    assert promotion_words.lines("shop", copying) == [
        "PROMOTION: the database of shop is being copied to shop2, whose app is stopped;"
        " `./stages promote --from shop --to shop2` shows the progress, --abort undoes it"
    ]


@pytest.mark.parametrize(
    ("app", "step"), [("", "--switch"), ("leaving", "--switch"), ("returning", "--rollback")]
)
def test_in_the_middle_of_a_move_neither_stack_is_said_to_serve(app: str, step: str) -> None:
    way_back = {"state": "open", "active": True, "bytes": 0, "keeps_all": False}
    moving = {**SWITCHED, "app": app, "files": "pending", "way_back": way_back}
    assert promotion_words.troubles("shop", moving) == []
    assert promotion_words.lines("shop", moving)[0] == (
        "PROMOTION: the app uses the database of shop2, and its requests and jobs are being moved;"
        f" `./stages promote --from shop --to shop2 {step}` continues"
    )
    moving["way_back"] = {**way_back, "active": False}
    (trouble,) = promotion_words.troubles("shop", moving)
    assert trouble.remedy.startswith(f"`./stages promote --from shop --to shop2 {step}` restarts")


def test_a_rollback_that_was_killed_while_clients_waited_is_on_its_way_back(
    record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app is here again, its database is not: --switch would undo the rollback."""
    promotion_record.write(**SWITCHED, app=promotion_record.HERE, switching="from")
    answers(monkeypatch, asked(FOLLOWS))
    assert promotion_state.state({})["app"] == promotion_record.RETURNING


COMPARED = {
    "phase": "switched",
    "began": 100.0,
    "ended": 160.0,
    "tables": 3,
    "done": 3,
    "differs": [],
}
LATE = {"table": "public.late", "rows": 0, "keys": [], "at_least": False}
ORDERS = {
    "table": "public.orders",
    "rows": 4,
    "keys": [["17", "first and other"], ["18", "first"], ["19", "other"]],
    "at_least": False,
}


@pytest.mark.parametrize(
    ("compared", "state"),
    [
        ({}, "same"),
        ({"differs": [LATE]}, "differs"),
        ({"failed": "no answer"}, "failed"),
        ({"ended": None}, "none"),  # it was killed
        ({"phase": "copying"}, "none"),  # it was before the switch
        ({"began": 49.0}, "none"),  # ... or before an earlier one
    ],
)
def test_a_comparison_counts_for_the_switch_that_it_came_after(
    record: Path, compared: dict[str, Any], state: str
) -> None:
    promotion_record.write(**SWITCHED, at=50.0)
    write_json(promotion_record.COMPARED, {**COMPARED, **compared})
    assert promotion_state.compared(promotion_record.read())["state"] == state
    promotion_record.forget()
    assert not promotion_record.COMPARED.exists()


def test_the_words_for_rows_that_differ() -> None:
    way_back = {"state": "open", "active": True, "bytes": 0}
    differs = {**COMPARED, "state": "differs", "differs": [LATE, ORDERS]}
    (trouble,) = promotion_words.troubles(
        "shop", {**stands("from", **way_back), "compared": differs}
    )
    assert trouble.what == (
        "THE TWO DATABASES DIFFER in public.late (only in one of them), public.orders (4 rows: 17,"
        " 18 only in shop2, 19 only in shop, ...)"
    )
    assert "--unverified ignores the difference" in trouble.remedy
    same = {**stands("from", **way_back), "compared": {**COMPARED, "state": "same"}}
    assert promotion_words.troubles("shop", same) == []
    assert promotion_words.lines("shop", same)[1] == (
        "  every row of 3 tables compared at 1970-01-01 00:02: no difference"
    )


@pytest.mark.parametrize(
    ("phase", "by", "lines"),
    [
        ("copying", "logical", 2),
        ("copying", "dump", 1),
        ("switched", "logical", 2),
        ("finished", "logical", 1),
        ("rolled back", "logical", 1),
    ],
)
def test_rows_are_asked_for_while_one_follows_the_other(phase: str, by: str, lines: int) -> None:
    state = {"phase": phase, "by": by, "way_back": {"state": "unknown"}}
    not_compared = {**SWITCHED, **state, "compared": {"state": "none"}}
    assert len(promotion_words.lines("shop", not_compared)) == lines
