"""What is known of the two stacks of a promotion before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table of the app's database."""

    name: str
    bytes: int
    rows: int
    """Counted for small tables, estimated for others."""
    identity: bool
    """Whether a row can be told from all others: a primary key, or another replica identity."""
    unlogged: bool
    owner: str


@dataclass(frozen=True, kw_only=True)
class Database:
    """The app's database of one stack."""

    version: int
    """As ``server_version_num`` has it: 170012."""
    size_bytes: int
    wal_level: str
    slot_keep: str
    large_objects: int
    extensions: frozenset[str]
    available: frozenset[str]
    """Extensions that could be made."""
    oldest_transaction_s: int
    sequences: int
    views: tuple[str, ...]
    """Materialized ones."""
    foreign: tuple[str, ...]
    tables: tuple[Table, ...]

    @property
    def not_followed(self) -> list[str]:
        """What replication does not take, by name."""
        unfit = [table.name for table in self.tables if table.unlogged or not table.identity]
        return [*unfit, *(["large objects"] if self.large_objects else [])]


@dataclass(frozen=True, kw_only=True)
class Backup:
    """The backups that a stack makes by itself."""

    fresh: bool
    """The last good one was made within the last day."""
    proven: bool
    """One was restored and read whole within the last week."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One stack with its server and database."""

    stack: str
    cloud: str
    stage: int
    revision: str
    healthy: bool
    lacks: tuple[str, ...]
    """What its server does not have because an older version of the project brought it up."""
    taken_ports: tuple[int, ...]
    """Ports of a tunnel's end on which the app listens."""
    pool_mode: str
    standby: bool
    storage_bytes: int
    """Of the managed database; 0 in stage 1."""
    no_replication: str
    """Why the managed database's admin may not let a role replicate; empty: it may, or there is no
    such database."""
    no_subscription: str
    """The same of subscribing."""
    free_bytes: int
    """Of the data volume; 0 in stage 2."""
    pool: int
    """The most sessions that clients have with the database at a time (``pool_size``)."""
    shared_pool: int
    """The same for the app of stage 1 while it uses this stack's database; 0 in stage 1."""
    clock_ahead_s: float
    """How far the server's clock is ahead of this machine's, to about a second."""
    backs_up: bool
    """Whether the stack makes backups by itself."""
    backup: Backup | None
    """How those of stage 1 are; ``None`` without any, and in stage 2."""
    signing_key: str
    """A digest of the keys that the app signs cookies with."""
    files: int
    """In ``STORAGE_DIR`` on the server."""
    files_bytes: int
    bucket: bool
    """Whether the stack has a bucket for users' files."""
    usd_a_month: Decimal | None
    """What the stack costs; ``None``: something of it has no price."""
    promotion: Mapping[str, str]
    """``phase``, ``side`` and ``other`` of one that is under way."""
    database: Database


def database(document: Mapping[str, Any]) -> Database:
    """From the server's answer (``components/host/agent/promotion_facts.py``)."""
    return Database(
        version=int(document["version"]),
        size_bytes=int(document["size_bytes"]),
        wal_level=str(document["wal_level"]),
        slot_keep=str(document["slot_keep"]),
        large_objects=int(document["large_objects"]),
        extensions=frozenset(map(str, document["extensions"])),
        available=frozenset(map(str, document["available"])),
        oldest_transaction_s=int(document["oldest_transaction_s"]),
        sequences=int(document["sequences"]),
        views=tuple(map(str, document["views"])),
        foreign=tuple(map(str, document["foreign"])),
        tables=tuple(
            Table(
                name=str(table["name"]),
                bytes=int(table["bytes"]),
                rows=int(table["rows"]),
                identity=bool(table["identity"]),
                unlogged=bool(table["unlogged"]),
                owner=str(table["owner"]),
            )
            for table in document["tables"]
        ),
    )
