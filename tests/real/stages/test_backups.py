"""Backups as an operator has them: the cloud's own bucket, `./stages backup` over SSH."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.real.stages.conftest import network, take_away
from tests.support.clone import Clone, Stack

pytestmark = pytest.mark.real

VISITS = "select count(*) from proof_visit"


@pytest.fixture
def backed_up(checkout: Clone) -> Iterator[Stack]:
    """Stage 1 with backups, up."""
    name = f"t{os.getpid()}-backups"
    stack = checkout.stack(name, stage=1, backups__off=None, network__cidr=network(6))
    try:
        stack.up()
        yield stack
    finally:
        take_away(stack)


def backup(stack: Stack, verb: str, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    argv = [".venv/bin/python", "-m", "scripts", "backup", verb, "--stack", stack.name, *words]
    done = subprocess.run(
        argv,
        cwd=stack.clone.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_a_backup_is_made_and_proven_and_a_copy_put_beside_the_database(backed_up: Stack) -> None:
    backed_up.run("ssh", "sudo systemctl start backups.service")  # what its timer will find done
    made = json.loads(backup(backed_up, "now", "--json").stdout)
    listed = backup(backed_up, "list").stdout
    assert made["id"] in listed and "last good backup: 20" in listed
    proven = backup(backed_up, "verify").stdout
    assert "is whole: " in proven and "every page and index was read" in proven
    assert "last proven by a restore: 20" in backup(backed_up, "list").stdout
    assert "last proven by a restore: 20" in backed_up.run("status")
    compared = backup(backed_up, "restore", "--latest").stdout
    assert "public.proof_visit" in compared
    assert "The app still uses the old database" in compared
    refused = backup(backed_up, "restore", "--to-time", "2101-01-01", code=1).stderr
    assert "--to-time: should be in the past" in refused
    file = backed_up.clone.path.parent / f"{backed_up.name}.dump"
    backup(backed_up, "download", "--to", str(file))
    assert file.read_bytes()[:5] == b"PGDMP" and file.stat().st_mode & 0o777 == 0o600

    # The data goes and the backups stay; the next stack has its database out of them.
    count = f"sudo runuser -u postgres -- psql -XAtd app -c '{VISITS}'"
    visits = int(backed_up.run("ssh", count))
    assert visits
    assert "but for the backups, which WITH_BACKUPS=1 deletes too" in backed_up.run("down")
    said = backed_up.run("delete-data", "--confirm", backed_up.name)
    print(said)  # as docs/backups.md has it
    assert "all data is deleted but the backups, which stay:" in said
    backed_up.up(database__restore_from="latest")
    assert int(backed_up.run("ssh", count)) >= visits
    listed = backup(backed_up, "list").stdout
    print(listed)
    assert made["id"] in listed


@pytest.fixture
def dumped(checkout: Clone) -> Iterator[Stack]:
    """Stage 2 with backups, up."""
    name = f"t{os.getpid()}-dumps"
    stack = checkout.stack(name, stage=2, backups__off=None, network__cidr=network(7))
    try:
        stack.up()
        yield stack
    finally:
        take_away(stack)


AS_APP = "sudo runuser -u app -- psql -XAtq 'postgresql://app@/app?host=/run/pgbouncer&port=6432'"


def test_a_managed_database_is_dumped_proven_and_put_back(dumped: Stack) -> None:
    def ask(sql: str) -> str:
        return dumped.run("ssh", f'{AS_APP} -c "{sql}"').strip()

    refused = backup(dumped, "restore", "--to-time", "2026-11-29T12:00:06", code=2).stderr
    assert "--to-time: should be given for a stack of stage 1" in refused
    dumped.run("ssh", "sudo systemctl start backups.service")  # what its timer will find done
    ask("create table ledger as select generate_series(1, 1000) as entry")
    made = json.loads(backup(dumped, "now", "--json").stdout)
    assert made["type"] == "dump" and made["postgresql"] == "17"
    listed = backup(dumped, "list").stdout
    print(listed)  # as docs/backups.md has it
    assert made["id"] in listed and "last good backup: 20" in listed
    proven = backup(dumped, "verify").stdout
    assert "is whole: " in proven and "every row was read" in proven
    assert "last proven by a restore: 20" in dumped.run("status")
    # Neither the app nor whoever logs in reads the bucket's key, and the administrator is unknown.
    dumped.run("ssh", "sudo runuser -u app -- cat /etc/stages/backups.env", code=1)
    admin = (
        "sudo grep -rlE '(PGUSER|user)=(postgres|admin|stages_admin)' /etc/stages /etc/pgbouncer"
    )
    assert dumped.run("ssh", f"{admin} || true").strip() == ""

    ask("drop table ledger")
    compared = backup(dumped, "restore", "--backup", made["id"]).stdout
    assert "public.ledger" in compared and "The app still uses the old database" in compared
    backup(dumped, "restore", "--latest", "--table", "ledger")
    tables = "select relname from pg_class where relname ~ '^ledger_restored_'"
    assert ask(f"select count(*) from {ask(tables)}") == "1000"  # noqa: S608
    ask(f"alter table {ask(tables)} rename to ledger")  # as docs/backups.md has it
    ask("alter table ledger add primary key (entry)")
    assert ask("select count(*) from ledger") == "1000"
    switched = backup(dumped, "restore", "--latest", "--switch", "--yes").stdout
    assert "The old database is kept: app_before_restore" in switched
    assert ask("select count(*) from ledger") == "1000"
    again = backup(dumped, "restore", "--latest", "--switch", "--yes", code=1).stderr
    assert "--delete-kept` deletes it" in again
    assert "It is deleted." in backup(dumped, "restore", "--delete-kept", "--yes").stdout
    file = dumped.clone.path.parent / f"{dumped.name}.dump"
    backup(dumped, "download", "--to", str(file))
    assert file.read_bytes()[:5] == b"PGDMP" and file.stat().st_mode & 0o777 == 0o600
    # Everything that the switch left is as the program has it: nothing to do.
    dumped.up()
    assert ask("select count(*) from ledger") == "1000"
