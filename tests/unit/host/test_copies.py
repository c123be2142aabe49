"""A copy of the database beside the running one leaves everything else alone."""

from __future__ import annotations

from components.host.rendering import plain


def test_a_copy_reaches_nobody_and_takes_nothing_from_anyone() -> None:
    """A subscription of a promotion is in the backup as well: the copy's worker would take changes
    that are the running database's (PostgreSQL 17: it had 1 of 2 rows then)."""
    lines = plain("backups/copy.conf").splitlines()
    for line in (
        "listen_addresses = ''",
        "max_wal_senders = 0",
        "max_logical_replication_workers = 0",
        "archive_mode = off",
    ):
        assert line in lines
