"""What goes wrong under the backups of stage 1: it is told, nothing else is harmed, and the next
run is right. `make chaos` kills it in each piece of its way."""

from __future__ import annotations

import pytest

from components.clouds.local.hosts import machine
from components.host import backups
from tests.real.app_host import AppHost
from tests.real.host.backed_up import (
    CHAOS,
    KILLED_AT,
    confined,
    damage,
    full,
    host,
    kill,
    no_disk,
    ok,
    rack,
    run,
    seconds_of,
    slow,
)
from tests.real.host.rack import sql

__all__ = ["host", "rack"]  # fixtures
pytestmark = pytest.mark.real


@pytest.fixture(scope="module", autouse=True)
def ledger(host: AppHost) -> None:
    """Rows that take more than one file of the bucket, and a first backup."""
    rows = "select g as entry, md5(g::text) as shown from generate_series(1, 20000) g"
    sql(host, f"create table ledger as {rows}")
    run(host, "now")


def write(host: AppHost) -> int:
    """The product's own work goes on; how many rows there are."""
    sql(host, "insert into ledger values (0, 'more')")
    return int(sql(host, "select count(*) from ledger"))


@pytest.mark.parametrize("point", KILLED_AT)
@pytest.mark.parametrize("word", ["now", "restore"])
def test_a_run_that_is_killed_harms_nothing_and_the_next_is_right(
    host: AppHost, word: str, point: int
) -> None:
    """Kill a backup, or a restore, in this piece of its way."""
    words = [word] if word == "now" else [word, "latest"]
    seconds = seconds_of(host, *words)
    kill(host, [*confined(), backups.PROGRAM, *words], point, seconds, f"stage 1, {word}")
    rows = write(host)
    run(host, "now")
    again = run(host, *(words if word == "restore" else ["verify"]))
    assert again["tables"]["public.ledger"] == rows


def test_two_restores_at_once(host: AppHost) -> None:
    lock = "flock /var/lib/stages-backups/restore.lock sleep 60"
    host.sh(f"systemd-run --quiet --unit=holder --collect {lock}")
    held = "! runuser -u postgres -- flock -n /var/lib/stages-backups/restore.lock true"
    machine.wait_until("the lock should be held", 10, lambda: ok(host, held))
    try:
        assert "Another restore is under way. Wait for its end" in run(
            host, "restore", "latest", code=1
        )
    finally:
        host.sh("systemctl stop holder")


def test_a_slow_bucket_takes_its_time_and_the_product_does_not_wait(host: AppHost) -> None:
    with slow(host, "8mbit"):
        write(host)
        run(host, "now")


@pytest.mark.parametrize("gives_up", [False, True] if CHAOS else [False])
def test_a_full_bucket_is_told_and_still_gives_what_it_has(host: AppHost, gives_up: bool) -> None:
    """pgBackRest tries for minutes."""
    newest = run(host, "now")["id"]
    with full(host):
        if gives_up:
            assert "pgBackRest backup failed: " in run(host, "now", "full", code=1)
            assert run(host, "state")["backup"]["ok"] is False
        assert run(host, "list")["backups"][-1]["id"] == newest
        assert run(host, "restore", newest)
        write(host)
    run(host, "now")  # all of it is proven by the last of these tests


def test_a_full_disk_is_told(host: AppHost) -> None:
    with no_disk(host):
        assert "No space left on device" in run(host, "now", code=1)
        write(host)
    run(host, "now")  # all of it is proven by the last of these tests


def test_a_damaged_file_is_told_and_the_next_backup_does_without_it(host: AppHost) -> None:
    made = run(host, "now", "full")
    damage(host, f"shop/backup/main/{made['id']}")
    answer = run(host, "verify", code=1)
    assert "pgBackRest restore failed: " in answer
    assert run(host, "state")["verify"]["ok"] is False
    rows = write(host)
    assert run(host, "now")["type"] == "full"
    assert run(host, "due") == {}  # made a moment ago; the proof that failed is made again
    proof = run(host, "state")["verify"]
    assert proof["ok"] and proof["tables"]["public.ledger"] == rows
