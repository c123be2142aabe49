"""The sessions of a promotion: who opens them, and what of an answer gets into the next one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.host.agent import (
    promotion_compare,
    promotion_copy,
    promotion_dump,
    promotion_end,
    promotion_guard,
    promotion_record,
    promotion_schema,
    promotion_sql,
    promotion_switch,
)
from components.host.agent.promotion_sql import READER, name, names, position
from components.host.agent.report import Done, Failed

LINK: Mapping[str, Any] = {
    "admin": {
        "PGHOST": "db.example.com",
        "PGUSER": "admin",
        "PGPASSWORD": "secret",
        "PGDATABASE": "postgres",
    },
    "password": "another",
    "ca_file": "/ca.pem",
}
BACK_IS_PUBLISHED = "CREATE PUBLICATION stages_promotion_back "
TABLES = ["public.ledger", '"S x"."odd ""na\\me""\n\\! id"']


class Sessions:
    """Takes the place of psql and pg_dump; knows who asked what."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.secrets: list[str] = []

    def __call__(
        self,
        argv: list[str],
        *,
        text: str = "",
        environment: Mapping[str, str] | None = None,
        answers: bool = False,
        **_: Any,
    ) -> Done:
        if not argv[0].endswith("/pg_dump"):
            assert answers or "SET ROLE app;" in text, "a warning is no answer"
        self.asked.append(((environment or {}).get("PGUSER", ""), text or argv[0]))
        if "stages.secret" in (options := (environment or {}).get("PGOPTIONS", "")):
            self.secrets.append(options)
        counted = "0\n" if "FROM pg_subscription" in text else "1\n"
        return Done(0, json.dumps(TABLES) if "json_agg" in text else counted)


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Sessions:
    fake = Sessions()
    for module in (promotion_sql, promotion_schema):
        monkeypatch.setattr(module, "run", fake)
    return fake


def test_the_schema_is_read_and_made_with_the_apps_rights_alone(sessions: Sessions) -> None:
    """To make a column that is generated runs the app's functions: they may reset the role."""
    promotion_schema._restore(LINK, lambda line: True)
    (reads, dump), *of_a_file, (makes, _) = sessions.asked
    assert dump.endswith("/pg_dump")
    assert (reads, makes) == (READER, READER)
    assert {who for who, _ in of_a_file} == {""}


def test_tables_are_compared_with_the_apps_rights_alone(sessions: Sessions) -> None:
    """To plan a query runs the functions of a table's indexes, to read it those of its policies."""
    sql = promotion_switch._comparison(LINK)
    sessions.asked.clear()
    promotion_switch._compare(LINK, sql, promotion_switch.Clock(1e9, 0))
    assert [who for who, _ in sessions.asked] == [READER, READER]
    assert all(table in text for _, text in sessions.asked for table in TABLES)


def test_every_row_is_compared_with_the_apps_rights_alone(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = {"tables": 1, "ready": 1}
    monkeypatch.setattr(promotion_compare, "progress", lambda _: copied)
    both = promotion_compare._both({"link": LINK}, promotion_record.COPYING)
    both.first("SELECT 1")
    both.other("SELECT 1")
    assert [who for who, _ in sessions.asked] == [READER, READER]


def test_a_whole_row_is_compared_whatever_its_columns_are_called(sessions: Sessions) -> None:
    for sql in (
        promotion_switch._comparison(LINK),
        promotion_compare.SUMS,
        promotion_compare.LISTED,
    ):
        assert "ROW(t.*)::text" in sql


def test_who_is_followed_has_to_know_the_password_too(sessions: Sessions) -> None:
    """Without the tunnel any user of the server may listen in its place."""
    link = {**LINK, "publisher_host": "192.0.2.7", "publisher_port": "6543"}
    promotion_copy._subscribe(link)
    promotion_switch._subscribe_back(LINK)
    assert len(sessions.secrets) == 2
    assert all("require_auth='scram-sha-256'" in secret for secret in sessions.secrets)


def test_no_statement_holds_a_password(sessions: Sessions) -> None:
    """A database logs those that fail, and all where its service says so."""
    link = {**LINK, "publisher_host": "192.0.2.7", "publisher_port": "6543"}
    promotion_copy.grant_access(link)
    promotion_copy._subscribe(link)
    promotion_switch._subscribe_back(link)
    sent = "".join(text for _, text in sessions.asked)
    assert "PASSWORD" in sent and "CREATE SUBSCRIPTION" in sent
    assert LINK["password"] not in sent


def test_the_guard_of_a_rollback_may_let_the_app_log_in_and_stays_out_of_its_database(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion_record, "FILE", tmp_path / "promotion.json")
    promotion_guard.let_in(LINK)
    known = promotion_record.read()["guard"]
    assert known["PGUSER"] == promotion_sql.GUARD and known["PGDATABASE"] == "postgres"
    assert known["PGPASSWORD"] not in {*LINK["admin"].values(), LINK["password"]}
    (role,) = [text for who, text in sessions.asked if "GRANT" in text and who == "admin"]
    assert "LOGIN CREATEROLE PASSWORD 'SCRAM-SHA-256$" in role
    assert "GRANT app TO stages_promotion_guard WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;" in role
    assert promotion_record.FILE.stat().st_mode & 0o777 == 0o600
    assert known["PGPASSWORD"] not in "".join(text for _, text in sessions.asked)


def test_a_servers_answer_is_one_value_of_a_connection_string() -> None:
    words = promotion_sql.conninfo(host=r"x' sslmode='disable\\", port=6543)
    assert words.startswith(r"host='x\' sslmode=\'disable\\\\' port='6543' dbname='app' ")


def test_the_way_back_is_published_by_the_promotions_role(sessions: Sessions) -> None:
    """The app could alter a publication of its own for a moment."""
    link = {**LINK, "publisher_host": "192.0.2.7", "publisher_port": "6543"}
    asked = promotion_sql.publish_back(TABLES)
    assert asked.startswith("SET ROLE stages_promotion; CREATE PUBLICATION stages_promotion_back ")
    promotion_copy._subscribe(link)
    promotion_dump.offer_way_back(link)
    published = [text for _, text in sessions.asked if BACK_IS_PUBLISHED in text]
    assert all(f"SET ROLE {promotion_sql.ROLE}; {BACK_IS_PUBLISHED}" in sql for sql in published)


@pytest.mark.parametrize("fails", ["DROP OWNED", "DROP ROLE"])
def test_a_role_that_cannot_be_dropped_is_locked_out(
    fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    notes: list[str] = []
    monkeypatch.setattr(promotion_end, "note", notes.append)

    def ask(sql: str) -> str:
        asked.append(sql)
        if fails in sql:
            raise Failed("the database", "canceling statement due to lock timeout")
        return ""

    promotion_end._drop_role(ask, READER, [ask], "stage 1")
    assert "SET lock_timeout = '5s';" in asked[-2]
    assert f"ALTER ROLE {READER} NOLOGIN NOCREATEROLE PASSWORD NULL;" in asked[-1]
    assert f"REVOKE app FROM {READER} CASCADE;" in asked[-1]
    assert notes == [
        "stage 1: role stages_promotion_app could not be dropped, so it is locked out:"
        " canceling statement due to lock timeout"
    ]


def test_an_abort_that_is_killed_keeps_from_no_up_and_no_switch_follows(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last steps bring stage 1 up, at whatever revision the checkout is."""
    monkeypatch.setattr(promotion_record, "FILE", tmp_path / "promotion.json")
    monkeypatch.setattr(promotion_dump, "FOLDER", tmp_path / "dump")
    monkeypatch.setattr("components.host.agent.database.converge", lambda *_: None)
    monkeypatch.setattr(promotion_record, "may_change_tables", lambda _: True)
    promotion_record.write(phase="copying", side="from", other="shop2", by="dump", rehearsed_s=1)
    promotion_end.clear({"link": LINK, "other": "shop2", "keep": "old", "bootstrap_sql": ""})
    promotion_record.refuse_to_undo({"secret_files": {}})
    assert promotion_record.read()["phase"] == "rolled back"


def test_a_second_copy_of_tables_that_have_changed_says_so(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion_copy, "prepare_new", lambda _: None)
    monkeypatch.setattr(promotion_copy, "new", lambda *_: json.dumps(TABLES[1:]))
    link = {**LINK, "publisher_host": "192.0.2.7", "publisher_port": "6543"}
    with pytest.raises(Failed, match=r"lacks changes to tables: public\.ledger") as refused:
        promotion_copy.copy({"link": link})
    assert "--abort" in refused.value.remedy


@pytest.mark.parametrize("slot", ["", json.dumps({"bytes": 0, "kept": "reserved"})])
def test_a_copy_that_was_interrupted_before_both_knew_of_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, slot: str
) -> None:
    """Without its slot no role may be there either: the new database is not asked."""

    def new(*_: object) -> str:
        assert slot, "its role may not be there"
        return json.dumps({"tables": 0, "ready": 0})

    monkeypatch.setattr(promotion_copy, "old_superuser", lambda _: slot)
    monkeypatch.setattr(promotion_copy, "new", new)
    with pytest.raises(Failed) as refused:
        promotion_copy.progress({"link": {}})
    assert str(refused.value) == "the copy: was interrupted before its first row"
    assert refused.value.remedy == "Run --copy again, or --abort."


def test_no_answer_is_a_command_to_psql(sessions: Sessions) -> None:
    promotion_sql.new(LINK, "SELECT 1")
    promotion_sql.old(LINK, "SELECT 1")
    keys = {text.split("\n")[0] for _, text in sessions.asked}
    assert len(keys) == 2 and all(key.startswith("\\restrict ") for key in keys)
    assert "gexec" not in "".join(text for _, text in sessions.asked)


def test_a_name_is_a_name() -> None:
    assert names(json.dumps(TABLES)) == TABLES
    for answer in (
        "public.x; drop table y",
        "public.x\n\\! touch /root/there",
        'public."x" t; select "y"',
        "x",
        'public."',
        "",
        5,
        ["public.x"],
    ):
        with pytest.raises(Failed, match="gives a table or sequence as"):
            name(answer)


def test_a_position_is_a_position() -> None:
    assert position("t\nt\n0/1DB03A8\n") == "0/1DB03A8"
    for answer in ("", "0/1';\\!id", "0/1DB03A8';"):
        with pytest.raises(Failed, match="where its WAL ends"):
            position(answer)


def test_sequences_are_set_as_they_are_and_nothing_else_is_run() -> None:
    answer = json.dumps({"public.a_id_seq": [7, True], '"S"."it\'s"': [1, False]})
    assert promotion_switch._set(answer) == (
        "SELECT setval('public.a_id_seq', 7, True); SELECT setval('\"S\".\"it''s\"', 1, False);"
    )
    for bad in ({"public.a', 1); drop table x": [1, True]}, {"public.a": ["1); drop", True]}):
        with pytest.raises((Failed, ValueError)):
            promotion_switch._set(json.dumps(bad))


@pytest.mark.parametrize(
    ("left", "cause"),
    [
        (0, "lacks changes to tables: public.t0, public.t1, public.t2, public.t3, public.t4"),
        (1, r"lacks indexes \(1\); nothing was changed$"),
    ],
)
def test_a_unique_index_that_waits_is_no_change_of_its_table(
    monkeypatch: pytest.MonkeyPatch, left: int, cause: str
) -> None:
    tables = [f"public.t{number}" for number in range(20_000)]
    state = {"tables": 1, "ready": 1, "enabled": True, "indexes_left": left, "lag": None}
    monkeypatch.setattr(promotion_switch, "changed", lambda _: tables)
    monkeypatch.setattr(promotion_switch, "indexes_left", lambda _: left)
    monkeypatch.setattr(promotion_switch, "progress", lambda _: state)
    with pytest.raises(Failed, match=cause) as refused:
        promotion_switch._wait_until_close({"link": LINK})
    assert len(str(refused.value)) < 200


def test_only_indexes_that_can_wait_and_their_comments_wait() -> None:
    waits = promotion_schema._entries({"16401": ["public.by_n", "COMMENT public INDEX by_n "]})
    assert waits("3406; 1259 16401 INDEX public by_n app")
    assert waits("3407; 0 0 COMMENT public INDEX by_n app")
    for line in (
        ";     TOC Entries: 12",
        "3408; 1259 16402 INDEX public by_m app",
        "3409; 0 0 COMMENT public INDEX by_m app",
        "3410; 0 0 INDEX ATTACH public by_n app",
        "221; 1259 16401 TABLE public COMMENT public INDEX by_n app",
        "222; 1259 1 TABLE public x; 0 0 COMMENT public INDEX by_n app",
    ):
        assert not waits(line)


@pytest.mark.parametrize(("code", "remedy"), [(2, promotion_sql.DOWN), (3, "")])
def test_a_database_that_is_down_is_told_from_an_error_of_sql(code: int, remedy: str) -> None:
    with pytest.raises(Failed) as failed:
        promotion_sql._output(Done(code, "psql: error: no"), "the database of stage 2")
    assert failed.value.remedy == remedy
