"""The pictures of the claims."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.charts import Group, Picture, Shade, bars
from benchmarks.claims import CONNECTING, DISTANCES_MS, MODES, PERSISTENT, QUERIES, WAYS
from benchmarks.measures import Result

BOOK_MEMORY = Shade(5, 10, "text book: 5 to 10 MB")
BOOK_OPENING = Shade(50, 100, "text book: 50 to 100 ms")
PLACES = {
    "socket": "stage 1, socket",
    "network": "stage 2, same machine",
    "far": "stage 2, 1 ms round trip",
}


def draw(result: Result) -> Mapping[str, Picture]:
    """All of them, by name."""
    of, where = result.of, result.where
    memory = [
        Group(
            moment,
            [(kind, of(f"memory.{kind}.{key}")) for kind in ("private", "PSS")],
        )
        for key, moment in (("idle", "idle"), ("tables", "after 200 tables"))
    ]
    opening = [
        Group(
            "direct",
            [(f"{far} ms round trip", of(f"open.direct.{far}")) for far in DISTANCES_MS],
        ),
        Group("PgBouncer", [("socket of the stage", of("open.peer"))]),
    ]
    connecting = [
        Group(
            f"{clients} clients",
            [(title, of(f"connect.{way}.{clients}")) for way, (title, _) in WAYS.items()],
        )
        for clients in CONNECTING
    ]
    persistent = [
        Group(
            f"{clients} clients",
            [(way, of(f"persistent.{way}.{clients}")) for way in ("direct", "pooled")],
        )
        for clients in PERSISTENT
    ]
    modes = [
        Group("", [(f"{mode} mode", of(f"mode.{mode}.rate"))])  # one colour each
        for mode in MODES
    ]
    pages = [
        Group(
            f"{count} {'query' if count == 1 else 'queries'}",
            [(title, of(f"page.{key}.{count}")) for key, title in PLACES.items()],
        )
        for count in QUERIES
    ]
    rate = "queries a second"
    return {
        "claims-memory": bars(
            "Memory of a connection to PostgreSQL", memory, "MiB", where, shade=BOOK_MEMORY
        ),
        "claims-opening": bars(
            "Time to open a connection (direct: TLS and SCRAM)",
            opening,
            "milliseconds",
            where,
            shade=BOOK_OPENING,
        ),
        "claims-connecting": bars(
            "Clients that connect anew for each query, by how they are known",
            connecting,
            rate,
            where,
            log=True,
        ),
        "claims-persistent": bars(
            "Clients that stay connected and ask without a pause", persistent, rate, where
        ),
        "claims-modes": bars(
            "100 clients that think for 50 ms, on a pool of 25, by pool mode", modes, rate, where
        ),
        "claims-pages": bars(
            "A page of queries one after the other, by how far the database is away",
            pages,
            "milliseconds",
            where,
            log=True,
        ),
    }
