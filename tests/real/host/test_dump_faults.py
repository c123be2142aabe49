"""What goes wrong under the backups of stage 2, as ``test_backup_faults.py`` of stage 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from components.clouds.local.hosts import machine
from components.host import backups
from scripts.lib.backups import command_line
from tests.real.app_host import AppHost
from tests.real.host.backed_up import (
    KILLED_AT,
    another_key,
    damage,
    full,
    kill,
    no_disk,
    ok,
    seconds_of,
    slow,
)
from tests.real.host.managed import CONFINED, agent, agent_words, back_up, host
from tests.real.host.rack import sql
from tests.support.waiting import until

__all__ = ["host"]  # a fixture
pytestmark = pytest.mark.real

READY = {"mode": "make ready for restored", "switch": False}
SWITCH = {"mode": "switch to restored"}
DELETE = {"mode": "delete kept"}


@pytest.fixture(scope="module", autouse=True)
def ledger(host: AppHost) -> None:
    """Rows that take more than one file of the bucket; and a first dump, proven at once."""
    rows = "select g as entry, md5(g::text) as shown from generate_series(1, 200000) g"
    sql(host, f"create table ledger as {rows}")
    assert back_up(host, "due")["type"] == "dump"
    assert back_up(host, "state")["verify"]["ok"]


def write(host: AppHost) -> int:
    """The product's own work goes on; how many rows there are."""
    sql(host, "insert into ledger values (0, 'more')")
    return int(sql(host, "select count(*) from ledger"))


def is_right(host: AppHost, rows: int) -> None:
    """A dump, and a copy that has these rows."""
    back_up(host, "now")
    assert back_up(host, "verify")["tables"]["public.ledger"] == rows


def test_one_that_nobody_waits_for_is_made_all_the_same(host: AppHost) -> None:
    """As the first one after a promotion."""
    before = back_up(host, "state")["backup"]["last_good"]["at"]
    host.sh(command_line("dumps", ("now",), 2, waits=False).replace("sudo -n ", ""))
    until("the next dump", lambda: back_up(host, "state")["backup"]["last_good"]["at"] > before)


@pytest.mark.parametrize("point", KILLED_AT)
@pytest.mark.parametrize("word", ["now", "restore"])
def test_a_run_that_is_killed_harms_nothing_and_the_next_is_right(
    host: AppHost, word: str, point: int
) -> None:
    """Kill a dump, or a copy that is filled, in this piece of its way."""
    words = [word] if word == "now" else [word, "latest"]
    seconds = seconds_of(host, *words, mount=None)
    known = [backup["id"] for backup in back_up(host, "list")["backups"]]
    kill(host, [*CONFINED, backups.PROGRAM, *words], point, seconds, f"stage 2, {word}")
    rows = write(host)
    assert [backup["id"] for backup in back_up(host, "list")["backups"]][: len(known)] == known
    is_right(host, rows)
    if word == "restore":
        assert back_up(host, *words)["tables"]["public.ledger"] == rows


@pytest.mark.parametrize("point", KILLED_AT)
def test_a_switch_that_is_killed_leaves_one_whole_database(host: AppHost, point: int) -> None:
    """Kill a switch in this piece of its way: one whole database has the name, the pool's clients
    go on, and the next switch is right."""
    rows = write(host)
    back_up(host, "now")
    agent(host, DELETE)
    agent(host, READY)
    back_up(host, "restore", "latest")
    kill(host, agent_words(host, SWITCH), point, 1.5, "stage 2, switch")
    answers = "runuser -u app -- psql -XAtqc 'select 1' 'host=/run/pgbouncer port=6432 dbname=app'"
    machine.wait_until("the pool's clients should go on", 60, lambda: ok(host, answers))
    assert int(sql(host, "select count(*) from ledger")) == rows
    agent(host, DELETE)
    agent(host, READY)
    back_up(host, "restore", "latest")
    assert agent(host, SWITCH) == {"kept": "app_before_restore"}
    assert int(sql(host, "select count(*) from ledger")) == rows
    agent(host, DELETE)


def test_a_copy_that_is_not_whole_never_takes_the_databases_place(host: AppHost) -> None:
    back_up(host, "restore", "latest")
    damage(host, "shop-dumps/data")
    rows = write(host)
    try:
        assert "The bucket: " in back_up(host, "restore", "latest", code=1)
        refused = agent(host, SWITCH, code=1)
        assert refused["cause"] == "holds no copy that was restored as a whole"
        assert "The bucket: " in back_up(host, "verify", code=1)
        assert back_up(host, "state")["verify"]["ok"] is False
    finally:
        back_up(host, "now")  # reads the bucket, and stores what is damaged once more
    back_up(host, "due")
    proof = back_up(host, "state")["verify"]
    assert proof["ok"] and proof["tables"]["public.ledger"] == rows


def test_a_bucket_that_refuses_is_told(host: AppHost) -> None:
    with another_key(host):
        assert "Access Denied" in back_up(host, "now", code=1)
        assert "Access Denied" in back_up(host, "list", code=1)
        assert back_up(host, "state")["backup"]["ok"] is False
        write(host)
    back_up(host, "now")


def test_another_passphrase_opens_nothing_and_harms_nothing(host: AppHost) -> None:
    file = "/etc/stages/backups.env"
    host.sh(f"cp -p {file} /root/env && sed -i 's/^export RESTIC_PASSWORD=/&x/' {file}")
    try:
        assert "wrong password or no key found" in back_up(host, "now", code=1)
        assert "wrong password or no key found" in back_up(host, "restore", "latest", code=1)
    finally:
        host.sh(f"cp -p /root/env {file}")
    write(host)
    back_up(host, "now")


def test_a_slow_bucket_takes_its_time_and_the_product_does_not_wait(host: AppHost) -> None:
    with slow(host, "16mbit"):
        write(host)
        back_up(host, "now")


def test_a_full_bucket_is_told_and_still_gives_what_it_has(host: AppHost) -> None:
    rows = write(host)
    back_up(host, "now")
    with full(host), no_patience(host):
        assert "No space left on device" in back_up(host, "now", code=1)
        assert back_up(host, "state")["backup"]["ok"] is False
        assert back_up(host, "list")["backups"]
        assert back_up(host, "restore", "latest")["tables"]["public.ledger"] == rows
        write(host)
    back_up(host, "now")


@contextmanager
def no_patience(host: AppHost) -> Iterator[None]:
    """restic is stopped at the first second of a refusal."""
    program = f"{backups.LIBRARY}/components/host/files/backups/restic.py"
    host.sh(
        f"cp -p {program} /root/restic.py && sed -i 's/^REFUSED_S = .*/REFUSED_S = 0/' {program}"
    )
    try:
        yield
    finally:
        host.sh(f"cp -p /root/restic.py {program}")


def test_a_full_disk_is_told(host: AppHost) -> None:
    with no_disk(host):
        assert "No space left on device" in back_up(host, "now", code=1)
        write(host)
    back_up(host, "now")


def test_two_at_once(host: AppHost) -> None:
    for what, words in (("backup", ["now"]), ("restore", ["restore", "latest"])):
        lock = f"{backups.STATE}/{what}.lock"
        host.sh(f"systemd-run --quiet --unit=holder --collect flock {lock} sleep 60")
        held = f"! runuser -u backups -- flock -n {lock} true"
        machine.wait_until("the lock should be held", 10, partial(ok, host, held))
        try:
            answer = back_up(host, *words, code=1)
            assert f"Another {what} is under way. Wait for its end" in answer
        finally:
            host.sh("systemctl stop holder")
    is_right(host, write(host))  # after all of these
