"""Looks at a pooler's own numbers while something else loads it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.claims.side import Side
from components.host import pgbouncer

EVERY_S = 0.1


@dataclass
class Watch:
    """What was seen."""

    rate: float = 0.0
    """Transactions a second, as the load itself counted them."""
    servers: int = 0
    """The most server connections of the pool at a look."""
    longest_ms: float = 0.0
    """The longest that a client was seen to wait for one."""
    wait_ms: float = 0.0
    """What a transaction waited for a server connection on average, as PgBouncer counts it."""


@contextmanager
def watched(side: Side, pooler: str) -> Iterator[Watch]:
    """Look at the pool of the alias ``app`` until the context ends."""
    url = f"postgresql://pgbouncer@/pgbouncer?host=/run/{pooler}&port={pgbouncer.PORT}"
    watch, over = Watch(), threading.Event()
    before = totals(_ask(side, url, "SHOW STATS_TOTALS"))
    looks: list[str] = []

    def look() -> None:
        while not over.wait(EVERY_S):
            looks.append(_ask(side, url, "SHOW POOLS"))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield watch
    finally:
        over.set()
        looking.join()
    watch.servers, watch.longest_ms = pools(looks)
    after = totals(_ask(side, url, "SHOW STATS_TOTALS"))
    transactions, waited_us = (after[at] - before[at] for at in (0, 1))
    watch.wait_ms = waited_us / max(1, transactions) / 1000


def pools(looks: Sequence[str]) -> tuple[int, float]:
    """The most server connections and the longest wait in ms, of many ``SHOW POOLS``."""
    rows = [row for output in looks for row in _rows(output) if row["database"] == "app"]
    servers = [sum(int(row[key]) for key in row if key.startswith("sv_")) for row in rows]
    waits = [int(row["maxwait"]) * 1000 + int(row["maxwait_us"]) / 1000 for row in rows]
    return max(servers, default=0), max(waits, default=0.0)


def totals(output: str) -> tuple[int, int]:
    """Transactions and microseconds of waiting so far, of ``SHOW STATS_TOTALS``."""
    sums = next((row for row in _rows(output) if row["database"] == "app"), {})
    return int(sums.get("xact_count", 0)), int(sums.get("wait_time", 0))


def _ask(side: Side, url: str, question: str) -> str:
    psql = ["runuser", "-u", "pgbouncer", "--", pgbouncer.PSQL, "-XAc", question, url]
    return side.root(psql)


def _rows(output: str) -> list[dict[str, str]]:
    """Rows of psql's unaligned table, by column; its last line counts them."""
    head, *rows = output.strip().splitlines()
    names = head.split("|")
    return [
        dict(zip(names, row.split("|"), strict=True))
        for row in rows
        if row.count("|") + 1 == len(names)
    ]
