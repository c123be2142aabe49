"""What a promotion's plan reads of its two stacks."""

from __future__ import annotations

from components.host import pgbouncer
from components.host.pool import PoolSizes
from components.remote import document
from scripts.lib import promotion_sides


def test_the_pool_that_both_share_is_read_from_what_stage_2_gives() -> None:
    sizes = PoolSizes(pool=25, reserve=5, direct=4, release=2)
    upstream = document.files(pgbouncer.upstream_promoted(sizes, password="p", ca_pem="PEM"))
    assert promotion_sides._shared_pool(upstream) == 12
