"""Backups of stage 1 on a real host, to an S3 server of its own: made, listed, proven, put back."""

from __future__ import annotations

import json

import pytest

from components.clouds.local.hosts import machine
from components.errors import UserError
from components.host import backups, file_backups
from components.host.agent import promotion_record
from tests.real.app_host import AppHost
from tests.real.host.backed_up import another_key, host, ok, rack, run, still
from tests.real.host.rack import Rack, apply, sql

__all__ = ["host", "rack"]  # fixtures

pytestmark = pytest.mark.real


def test_a_backup_is_made_and_listed_and_nobody_reads_it(host: AppHost) -> None:
    sql(host, "create table ledger as select generate_series(1, 1000) as entry")
    made = run(host, "now")
    assert made["type"] == "full"
    assert [backup["id"] for backup in run(host, "list")["backups"]] == [made["id"]]
    assert run(host, "now")["type"] == "diff"
    assert run(host, "due") == {}
    assert host.sh("stat -c '%U:%G %a' /etc/pgbackrest/pgbackrest.conf") == "root:postgres 640"
    host.sh("runuser -u postgres -- pgbackrest --stanza=main check")
    assert host.sh("grep -rl ledger /srv/s3 || true") == ""  # encrypted


def test_what_was_committed_is_in_the_bucket_within_a_minute(host: AppHost) -> None:
    host.sh("runuser -u postgres -- test -s /etc/postgresql/17/main/conf.d/reload.conf")
    shown = host.sh("runuser -u postgres -- psql -XAtc 'show archive_timeout'")
    assert shown == "1min"


def test_the_newest_is_restored_and_read_whole(host: AppHost) -> None:
    sql(host, "insert into ledger values (1001)")
    proof = run(host, "verify")
    assert proof["tables"]["public.ledger"] == 1001  # with what was committed after the backup
    recorded = run(host, "state")["verify"]
    assert recorded["ok"] and recorded["last_good"]["rows"] == proof["rows"]
    assert host.sh("ls -A /var/lib/stages-backups/copy /data/copies/verify | grep -v :") == ""
    assert host.sh("pgrep -f [c]opy.conf || true") == ""


def test_a_table_dropped_at_a_second_is_back_as_of_the_second_before(host: AppHost) -> None:
    moment = sql(host, "select clock_timestamp() at time zone 'UTC'")
    sql(host, "drop table ledger")
    copy = run(host, "restore", "at", moment)
    assert copy["tables"]["public.ledger"] == 1001
    assert "public.ledger" not in copy["tables_now"]
    # The running database was not touched, and the copy is at rest.
    assert sql(host, "select to_regclass('ledger') is null") == "t"
    assert host.sh("test -e /data/copies/restore/postmaster.pid && echo runs || echo rests") == (
        "rests"
    )
    refused = f"touch {promotion_record.FILE}; ! {backups.SWITCH} 2>&1; rm {promotion_record.FILE}"
    assert host.sh(refused) == "A promotion is under way. Finish it, or end it with --abort"
    kept = json.loads(host.sh(backups.SWITCH))["kept"]
    assert sql(host, "select count(*) from ledger") == "1001"
    assert host.sh(f"stat -c %U {kept}") == "postgres"
    # It archives, from its new timeline on, and what comes next can be restored as well.
    sql(host, "insert into ledger values (1002)")
    copy = run(host, "restore", "latest")
    assert copy["tables"]["public.ledger"] == 1002
    sql(host, "drop table ledger; create table ledger as select 1 as entry")


def test_one_table_is_put_beside_the_one_of_now_as_the_app(host: AppHost) -> None:
    # Quoted once more for the shell, which has each statement in quotes.
    sql(host, "create type mood as enum ('good', 'bad')")
    sql(
        host,
        r"create table users (id int generated always as identity, \"E-mail\" text not null,"
        r" feeling mood, shout text generated always as (upper(\"E-mail\")) stored)",
    )
    sql(host, r"""insert into users (\"E-mail\", feeling) values ('a@example.com', 'good')""")
    moment = sql(host, "select clock_timestamp() at time zone 'UTC'")
    sql(host, r"""update users set \"E-mail\" = 'lost', feeling = 'bad'""")
    (table,) = run(host, "table", "public.users", "at", moment)["restored"]
    assert (table["table"], table["rows"]) == ("public.users", 1)
    assert table["restored"].startswith("public.users_restored_")
    assert sql(host, f"table {table['restored']}") == "1|a@example.com|good|A@EXAMPLE.COM"
    assert sql(host, r"select \"E-mail\" from users") == "lost"
    owner = "select tableowner from pg_tables where tablename like 'users_restored%'"
    assert sql(host, owner) == "app"
    said = run(host, "table", "nothing", "latest", code=1)
    assert "--table: should be a table of the copy (" in said and "public.users" in said


def test_a_dump_of_a_copy_is_read_by_pg_restore_and_nothing_of_it_stays(host: AppHost) -> None:
    properties = " ".join(f"--property={line!r}" for line in backups.hardening("/data"))
    command = f"systemd-run --quiet --wait --pipe --collect {properties} {backups.PROGRAM} dump"
    host.sh(f"{command} latest > /root/dump")
    listed = host.sh("/usr/lib/postgresql/17/bin/pg_restore --list /root/dump")
    assert "TABLE DATA public users app" in listed
    assert host.sh("ls -A /data/copies/restore") == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("at", "2001-01-01"), "--to-time: should be after the first backup"),
        (("at", "2101-01-01"), "--to-time: should be in the past, got 2101-01-01 00:00:00 UTC"),
        (("at", "noon"), "--to-time: should be a time, in UTC, got 'noon'"),
        (("20010101-000000F",), "ID: should be one of "),
    ],
)
def test_a_target_that_is_none_is_refused(host: AppHost, words: tuple[str, ...], said: str) -> None:
    assert said in run(host, "restore", *words, code=1)


def test_two_at_once_and_one_that_was_killed(host: AppHost) -> None:
    lock = "flock /var/lib/stages-backups/backup.lock sleep 60"
    host.sh(f"systemd-run --quiet --unit=holder --collect {lock}")
    held = "! runuser -u postgres -- flock -n /var/lib/stages-backups/backup.lock true"
    machine.wait_until("the lock should be held", 10, lambda: ok(host, held))
    try:
        assert "Another backup is under way" in run(host, "now", code=1)
    finally:
        host.sh("systemctl stop holder")
    assert run(host, "now", "full")["type"] == "full"


def test_a_bucket_that_refuses_is_told_and_the_product_stays_up(host: AppHost) -> None:
    with another_key(host):
        assert "403 (Forbidden)" in run(host, "now", code=1)
        assert run(host, "state")["backup"]["ok"] is False
        sql(host, "insert into ledger values (2)")
        host.sh("runuser -u postgres -- psql -XAtc 'select pg_switch_wal()'")
        failing = "archiving should be seen to fail"
        machine.wait_until(failing, 60, lambda: run(host, "state")["archiver"]["failing"])
        # As if a fifth of the volume were waiting: it is given up, and said so.
        folder = "/data/postgresql/17/main"
        waiting = "pg_wal/archive_status/9{000..150}.ready"
        push = f"touch {waiting}; {backups.ARCHIVE} pg_wal/none; rm {waiting}"
        said = host.sh(f"cd {folder} && runuser -u postgres -- bash -c '{push}' 2>&1")
        assert "GIVING WAL UP" in said
        assert run(host, "state")["gap"] is not None
        assert sql(host, "select count(*) from ledger") == "2"
    # The next run makes the full backup that closes the gap.
    assert run(host, "due")["type"] == "full"
    assert run(host, "state")["gap"] is None
    assert run(host, "verify")["tables"]["public.ledger"] == 2


def test_another_passphrase_opens_nothing_and_harms_nothing(host: AppHost) -> None:
    conf = "/etc/pgbackrest/pgbackrest.conf"
    host.sh(f"cp -p {conf} /root/conf && sed -i 's/^repo1-cipher-pass=.*/&x/' {conf}")
    try:
        assert run(host, "now", code=1)
        assert run(host, "restore", "latest", code=1)
        assert run(host, "state")["backup"]["ok"] is False
    finally:
        host.sh(f"cp -p /root/conf {conf}")
    assert run(host, "now")["type"] == "diff"


def test_a_copy_without_room_is_refused_before_anything_is_written(host: AppHost) -> None:
    free = "$(df --output=avail -B1 /data | tail -n 1)"
    before = sql(host, "select count(*) from ledger")
    host.sh(f"fallocate -l $(({free} - 100 * 1024 * 1024)) /data/ballast")
    try:
        said = run(host, "restore", "latest", code=1)
        assert "/data/copies/restore: should have " in said and " free for a copy, got " in said
        assert sql(host, "select count(*) from ledger") == before
    finally:
        host.sh("rm /data/ballast")


STEPS = ("systemctl stop", "mv --no-target-directory", "mv --exchange")


@pytest.mark.parametrize("step", STEPS)
def test_a_switch_that_is_killed_leaves_one_whole_database(host: AppHost, step: str) -> None:
    sql(host, "create table if not exists switched (entry int)")
    sql(host, "insert into switched values (1)")
    before = sql(host, "select count(*) from switched")
    run(host, "restore", "latest")
    host.sh(f"sed '/^{step}/a kill -KILL $$' {backups.SWITCH} > /root/killed; ! sh /root/killed")
    host.sh("systemctl restart database-copies; systemctl start postgresql@17-main")  # as a boot
    assert sql(host, "select count(*) from switched") == before
    run(host, "restore", "latest")
    host.sh(backups.SWITCH)
    still(host)
    assert sql(host, "select count(*) from switched") == before
    host.sh("rm -r /data/copies/before-*")


def test_uploads_and_certificates_come_back_and_nobody_reads_them(host: AppHost) -> None:
    host.sh("install -d -o app -m 0700 /data/storage/cats /data/tls")
    host.sh("echo a-cat > /data/storage/cats/1.jpg; chown app: /data/storage/cats/1.jpg")
    host.sh("echo a-key > /data/tls/key; systemctl start file-backups.service")
    assert run(host, "state")["files"] is not None
    assert host.sh("grep -rl a-cat /srv/s3 || true") == ""  # encrypted
    host.sh("rm -r /data/storage/cats /data/tls/key")
    beside = "--target /root/restored --include /data/storage/cats"
    host.sh(f"{file_backups.PROGRAM} restore latest {beside}")
    unpack = "runuser -u app -- tar -C /data/storage -x"
    host.sh(f"tar -C /root/restored/data/storage -c . | {unpack}; rm -r /root/restored")
    assert host.sh("cat /data/storage/cats/1.jpg; stat -c '%U %a' /data/storage/cats") == (
        "a-cat\napp 700"
    )
    host.sh(f"{file_backups.PROGRAM} restore latest --target / --include /data/tls")
    assert host.sh("cat /data/tls/key") == "a-key"
    host.sh("systemctl start file-backups.service")  # not due again: nothing is done
    assert host.sh(f"{file_backups.PROGRAM} snapshots --json | grep -o short_id | wc -l") == "1"


def test_a_lost_database_comes_back_into_an_empty_volume_and_no_other(
    rack: Rack, host: AppHost
) -> None:
    sql(host, "create table kept as select generate_series(1, 1000) as entry")
    run(host, "verify")  # what is committed is in the bucket
    rack.restore_from = "latest"
    try:
        with pytest.raises(UserError) as refused:
            apply(rack, host)
        assert "restore_from: should be set for an empty data volume, got one" in str(refused.value)
        assert sql(host, "select count(*) from kept") == "1000"
        host.sh("systemctl stop postgresql@17-main postgres-cluster; rm -r /data/postgresql")
        apply(rack, host)
        still(host)
        assert sql(host, "select count(*) from kept") == "1000"
        # It archives and is backed up; asked for once more, nothing happens.
        sql(host, "insert into kept values (1001)")
        assert run(host, "now", "full")["type"] == "full"
        assert run(host, "verify")["tables"]["public.kept"] == 1001
        host.sh("systemctl restart restore-database")
        apply(rack, host)
        assert sql(host, "select count(*) from kept") == "1001"
    finally:
        rack.restore_from = ""
    apply(rack, host)
    still(host)
    assert host.sh("test -e /etc/stages/restore-from && echo there || echo gone") == "gone"
