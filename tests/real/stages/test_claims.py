"""The short form of `make bench BENCH=claims`: all of its ways work, its pools keep their size."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import claims
from benchmarks.claims import poolers
from benchmarks.claims.side import Side
from benchmarks.measures import Book
from components.clouds.local import plans
from components.host.pool import pool_sizes
from tests.support.clone import Stack

pytestmark = pytest.mark.real


@pytest.fixture
def side(stage2: Stack) -> Iterator[Side]:
    """The app server of stage 2, filled for the benchmark."""
    prepared = Side(stage2.name)
    prepared.get_ready(10)
    yield prepared
    prepared.tidy()


def test_a_small_pool_serves_many_clients_in_every_way_in(side: Side) -> None:
    plan = plans.database(plans.DEFAULT_DATABASE)
    sizes = pool_sizes(limit=plan.connection_limit, reserved=plan.reserved_connections, wanted=None)
    book = Book()
    claims.modes(book, side, seconds=1)
    # All 500 at once: one that is turned away ends the benchmark.
    assert side.pgbench(side.pooled, 500, 1, "-S", "-C", threads=500) > 0
    for name in ("scram", "verifier", "md5", "trust"):
        with claims.way(side, name) as url:
            assert side.pgbench(url, 5, 1, "-S", "-C", threads=5) > 0
    medians = {measure.key: measure.median for measure in book.measures()}
    servers = {mode: medians[f"mode.{mode}.servers"] for mode in claims.MODES}
    assert all(0 < count <= sizes.pool + sizes.reserve for count in servers.values()), servers
    # Whoever has a session keeps its server connection, and the others wait for its end.
    assert medians["mode.session.rate"] < medians["mode.transaction.rate"]


def test_distance_costs_each_query_and_each_opening_again(side: Side) -> None:
    with side.delayed(poolers.PROXY_PORT, 20) as port:
        (opened,) = side.client("open", side.direct(port), 1)
        with poolers.running(side, poolers.FAR) as url:
            (page,) = side.client("page", url, 10, 1)
    assert page >= 0.200, "a round trip for each query"
    assert opened >= 0.080, "TCP, TLS, SCRAM"
