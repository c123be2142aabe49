"""A promotion on real hosts: the app's database goes to stage 2 under load, and back.

The ledger knows every write that was acknowledged. Afterwards both stacks are as they were.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from components.clouds.local.hosts import inventory
from components.host import pgbouncer
from tests.real.stages import users_files
from tests.real.stages.intruder import app_host, as_root
from tests.support.clone import Stack
from tests.support.ledger import ledger
from tests.support.waiting import until

CLIENTS = 20


KILL = """
for process in /proc/[0-9]*; do
    ! ls -l $process/fd 2>/dev/null | grep -q /run/stages-host.lock || kill -9 ${process#/proc/}
done
"""
"""Whoever holds the lock of a host."""
POSTGRES = "runuser -u postgres -- psql -XqAt -h /run/postgresql"
"""A superuser on stage 1."""


class Promotion:
    """The verb on two stacks."""

    def __init__(self, old: Stack, new: Stack) -> None:
        self.old, self.new = old, new

    def __call__(self, *words: str, code: int = 0) -> str:
        stacks = ("--from", self.old.name, "--to", self.new.name)
        return self.old.clone.run("promote", *stacks, *words, "--yes", code=code)

    def killed(self, *words: str, when: str) -> None:
        """Begin a step; kill the operator's process and the hosts' program once a command on the
        server of stage 1 prints something, wherever they are by then."""
        stacks = ("--from", self.old.name, "--to", self.new.name)
        argv = [sys.executable, "-m", "scripts", "promote", *stacks, *words, "--yes"]
        process = subprocess.Popen(
            argv, cwd=self.old.clone.path, stdout=subprocess.DEVNULL, start_new_session=True
        )
        try:
            until(when, lambda: as_root(app_host(self.old), when), 300)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for stack in (self.old, self.new):
            as_root(app_host(stack), KILL)


def sql(stack: Stack, text: str) -> str:
    """As the app, through the pool of a stack's server."""
    words = f"{pgbouncer.PSQL} -XwAtq '{pgbouncer.SOCKET_URL}'"
    return as_root(app_host(stack), f"runuser -u app -- {words}", text)


HOSTILE = """
DROP SCHEMA IF EXISTS hostile CASCADE;
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.take(by text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE 'RESET ROLE';
    EXECUTE 'CREATE ROLE taken_by_' || by;
    RETURN 1;
EXCEPTION WHEN OTHERS THEN RETURN 1;
END $$;
CREATE FUNCTION hostile.now(by text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ DECLARE n int;
BEGIN n := hostile.take(by); RETURN n; END $$;
CREATE TABLE hostile.column (a int PRIMARY KEY, t int GENERATED ALWAYS AS
    (a + hostile.now('column')) STORED);
CREATE TABLE hostile.row (a int PRIMARY KEY);
CREATE INDEX ON hostile.row ((a + hostile.now('index')));
CREATE FUNCTION hostile.text(hostile.row) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
    PERFORM hostile.take('cast'); RETURN 'x'; END $$;
CREATE CAST (hostile.row AS text) WITH FUNCTION hostile.text(hostile.row);
CREATE DOMAIN hostile.positive AS int CHECK (hostile.now('domain') > 0);
CREATE TABLE hostile.parts (a hostile.positive PRIMARY KEY) PARTITION BY RANGE (a);
CREATE TABLE hostile.part PARTITION OF hostile.parts FOR VALUES FROM (1) TO (9);
CREATE TABLE hostile."; \\! touch /root/taken" (a serial PRIMARY KEY);
INSERT INTO hostile.row VALUES (1);
"""
"""What an app that was taken over may define, to run when someone with more rights comes by."""
TAKEN = "SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolname LIKE 'taken%'"


@contextmanager
def taken_over(stage1: Stack, stage2: Stack) -> Iterator[None]:
    """An app that was; what it defined should run with no more than its own rights."""
    sql(stage1, HOSTILE)
    yield
    hosts = [host for stack in (stage1, stage2) for host in inventory.every(stack.name)]
    assert len(hosts) >= 3
    for host in hosts:
        as_root(host, "test ! -e /root/taken")
        if host.run(["test", "-e", "/run/postgresql/.s.PGSQL.5432"]).returncode == 0:
            ask = f'runuser -u postgres -- psql -XAtq -d postgres -c "{TAKEN}"'
            assert as_root(host, ask) == ""
    sql(stage1, "DROP SCHEMA hostile CASCADE")


def server_of(stack: Stack) -> str:
    """The address of the database that the app uses; empty: its own server's."""
    return sql(stack, "SELECT host(inet_server_addr())")


def a_rollback_is_killed_behind_its_fence(promote: Promotion) -> None:
    """In its last statement before the switch, which is kept waiting; clients wait by then, and the
    app is locked out of both databases."""
    host = app_host(promote.old)
    held = f"{POSTGRES} -c BEGIN -c 'ALTER ROLE app NOLOGIN' -c 'SELECT pg_sleep(300)'"
    as_root(host, f"systemd-run --quiet --collect --unit=holds-a-role {held}")
    waits = (
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND query LIKE 'ALTER ROLE app LOGIN%'"
    )
    try:
        promote.killed("--rollback", "--stall-limit-s", "60", when=f'{POSTGRES} -c "{waits}"')
    finally:
        as_root(
            host,
            POSTGRES,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE '%pg_sleep(300)%' AND pid <> pg_backend_pid()",
        )


def a_table_that_has_changed_ends_the_way_back(promote: Promotion) -> None:
    """Until it is as before, if nobody has written to it meanwhile."""
    ends = f"NO WAY BACK to {promote.old.name}: public.orders changed"
    sql(promote.new, "ALTER TABLE orders ADD COLUMN note text")
    for stack in (promote.old, promote.new):
        assert ends in stack.run("status", code=1)
    assert ends in promote("--rollback", code=1)
    sql(promote.new, "ALTER TABLE orders DROP COLUMN note")


def the_files_are_in_the_bucket(stage2: Stack) -> None:
    assert users_files.get(stage2, "cats/a%20b") == "changed after the copy"
    assert users_files.get(stage2, "cats/new%0Aline") == "before the copy"
    assert users_files.get(stage2, "cats/late") == "after the copy"
    listed = users_files.keys(stage2)
    assert listed.count("<Key>cats/") == 3, f"no link, and nothing through one: {listed}"


def the_files_are_in_the_folder(stage1: Stack) -> None:
    assert users_files.read(stage1, "cats/new") == ["app 600 regular file", "of stage 2"]
    assert users_files.read(stage1, "cats/late")[1] == "changed by stage 2"
    assert users_files.read(stage1, "cats/out")[1] == "no link any more"
    assert users_files.read(stage1, "cats/a b")[1] == "changed after the copy"
    as_root(app_host(stage1), "grep -q ^root: /etc/shadow")
    as_root(app_host(stage1), f"rm -r {users_files.FOLDER}/cats")


def a_row_that_was_changed_behind_its_back_is_found(promote: Promotion) -> None:
    """In the old database, which follows the new one; its row is written again there."""
    stage1, differs = promote.old, "THE TWO DATABASES DIFFER in public.orders (2 rows: 17, 18)"
    behind = "runuser -u postgres -- psql -XqAt -h /run/postgresql -d app"
    wrong = "UPDATE public.orders SET what = 'wrong' WHERE id IN (17, 18)"
    assert as_root(app_host(stage1), behind, f"{wrong} RETURNING id") == "17\n18"
    assert differs in promote("--verify", code=1)
    said = stage1.run("status", code=1)
    assert "NOT HEALTHY" in said and differs in said and "--rollback goes back" in said
    assert differs in promote(code=1)
    assert differs in promote("--finish", code=1)
    sql(stage1, "UPDATE orders SET id = id WHERE id IN (17, 18)")  # as the remedy says
    assert "no difference" in promote("--verify")
    assert "PROMOTION: " in stage1.run("status")


@pytest.mark.real
def test_a_database_goes_to_stage_2_and_back_and_no_write_is_lost(
    stage1: Stack, stage2: Stack
) -> None:
    for stack in (stage1, stage2):
        stack.up()  # the same revision, whatever other tests deployed
    promote = Promotion(stage1, stage2)
    users_files.write(stage1, "cats/a b", "before the copy")
    users_files.write(stage1, "cats/new\nline", "before the copy")
    users_files.link(stage1, "cats/out", "/etc/shadow")
    sql(stage1, "CREATE TABLE IF NOT EXISTS ledger (id bigint NOT NULL)")
    sql(stage1, "CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY, what text)")
    sql(stage1, "INSERT INTO orders SELECT id, 'right' FROM generate_series(1, 1000) id")

    said = promote("--copy", "--way", "logical", code=1)
    assert "a primary key, which is missing in the table public.ledger" in said
    assert f"Set stages:storage.bucket: true in the file of {stage2.name}" in said
    sql(stage1, "ALTER TABLE public.ledger REPLICA IDENTITY FULL")  # as the remedy says
    stage2.up(storage__bucket=True)  # as that remedy says

    with taken_over(stage1, stage2), ledger(app_host(stage1), CLIENTS) as seen:
        assert "--switch comes next" in promote("--copy", "--replace")
        stage2.configure(app__request_timeout_s=61)
        assert "fills the database of this stack" in stage2.run("up", code=1)
        stage2.configure(app__request_timeout_s=None)
        sql(stage1, "CREATE TABLE public.late (id bigint PRIMARY KEY)")
        assert "lacks changes to tables: public.late" in promote("--switch", code=1)
        promote("--abort")

        said = promote("--copy", "--replace")
        assert f"copied to the bucket of {stage2.name}" in said
        assert "Users' files: " not in promote("--copy"), "they are there"
        users_files.write(stage1, "cats/late", "after the copy")
        users_files.write(stage1, "cats/a b", "changed after the copy")
        assert "no difference" in promote("--verify")
        said = promote("--switch", "--stall-limit-s", "0.001", code=1)
        assert "the app continues with the old database; nothing was changed" in said
        seen.wait_for_all(time.time(), 30)

        said = promote("--switch", "--stall-limit-s", "30")
        assert "The app uses the new database" in said and "no difference" in said
        seen.wait_for_all(time.time(), 30)
        assert server_of(stage1) == server_of(stage2) != ""
        stage1.configure()  # as a checkout that does not know of it
        assert "Set stages:database.promoted_to" in stage1.run("up", code=1)
        said = stage1.up(database__promoted_to=stage2.name)
        assert f"The app was promoted to {stage2.name}: deploy there, not here" in said
        assert server_of(stage1) == server_of(stage2) != ""
        for words in (("ps",), ("deploy", "--revision", "HEAD"), ("maintenance", "on")):
            there = " ".join([words[0], stage2.name, *words[1:]])
            assert f"Run `./stages {there}`" in stage1.run(*words, code=2)
        assert "web@8001" in stage2.run("ps")  # as it says
        a_row_that_was_changed_behind_its_back_is_found(promote)
        a_table_that_has_changed_ends_the_way_back(promote)
        the_files_are_in_the_bucket(stage2)
        users_files.put(stage2, "cats/new", "of stage 2")
        users_files.put(stage2, "cats/late", "changed by stage 2")
        users_files.put(stage2, "cats/out", "no link any more")

        a_rollback_is_killed_behind_its_fence(promote)
        seen.wait_for_all(time.time(), 30)
        assert server_of(stage1) == server_of(stage2) != ""
        assert "--rollback was interrupted" in promote(code=1)
        assert "its old database again" in promote("--rollback", "--stall-limit-s", "30")
        stage1.settings.pop("database.promoted_to")
        the_files_are_in_the_folder(stage1)
        seen.wait_for_all(time.time(), 30)
        assert server_of(stage1) == ""

    assert seen.errors == [] and seen.hung == 0
    stored = seen.stored(sql(stage1, "SELECT id FROM public.ledger"))
    assert set(stored) == seen.acknowledged
    assert set(stored.values()) == {1}
    sql(stage1, "DROP TABLE public.ledger, public.orders, public.late")
    for stack in (stage1, stage2):
        assert stack.get()
        assert as_root(app_host(stack), "ls /etc/systemd/system/stages-promotion* || true") == ""


@pytest.mark.real
def test_a_small_database_goes_over_whole_while_clients_wait(stage1: Stack, stage2: Stack) -> None:
    """A dump, of what replication does not take too; back by replication where all can follow."""
    for stack in (stage1, stage2):
        stack.up()
    promote = Promotion(stage1, stage2)
    sql(stage1, "CREATE TABLE IF NOT EXISTS ledger (id bigint NOT NULL)")
    sql(stage1, "CREATE TABLE numbers (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")
    sql(stage1, "INSERT INTO numbers SELECT FROM generate_series(1, 1000)")
    sql(stage1, "CREATE MATERIALIZED VIEW sums AS SELECT sum(n) FROM numbers")

    said = promote("--plan", "--replace")
    assert "  Method      dump: replication cannot copy public.ledger" in said
    assert "NO WAY BACK after --switch: changes to public.ledger cannot be" in said
    assert "--rollback  NOT POSSIBLE" in said
    sql(stage1, "ALTER TABLE public.ledger REPLICA IDENTITY FULL")  # as the remedy says

    with ledger(app_host(stage1), CLIENTS) as seen:
        said = promote("--copy", "--replace", "--way", "dump")
        assert "clients will wait about a second longer" in said and "until --finish" in said
        assert "Continue with --way dump" in promote("--copy", "--way", "logical", code=1)
        assert "Raise --stall-limit-s" in promote("--switch", "--stall-limit-s", "0.01", code=1)
        seen.wait_for_all(time.time(), 30)

        said = promote("--switch", "--stall-limit-s", "60")
        assert "The app uses the new database" in said and "NO WAY BACK" not in said
        seen.wait_for_all(time.time(), 60)
        assert server_of(stage1) == server_of(stage2) != ""
        assert sql(stage1, "SELECT sum FROM sums") == "500500"
        assert sql(stage1, "INSERT INTO numbers DEFAULT VALUES RETURNING n") == "1001"
        assert "no difference" in promote("--verify")

        assert "its old database again" in promote("--rollback", "--stall-limit-s", "30")
        seen.wait_for_all(time.time(), 30)
        assert server_of(stage1) == ""

    assert seen.errors == [] and seen.hung == 0
    stored = seen.stored(sql(stage1, "SELECT id FROM public.ledger"))
    assert set(stored) == seen.acknowledged
    assert set(stored.values()) == {1}
    assert sql(stage1, "SELECT max(n) FROM numbers") == "1001"
    sql(stage1, "DROP MATERIALIZED VIEW sums; DROP TABLE ledger, numbers")
    assert as_root(app_host(stage1), "ls /data").count("dump") == 0
