"""How a host's memory is shared, with and without a queue of one's own size."""

from __future__ import annotations

import pytest

from components.errors import UserError
from components.host import memory, valkey


def test_the_parts_never_add_up_to_more_than_the_host_has() -> None:
    for here in (True, False):
        for queue_mib in (None, 16, 128, 200):
            of = memory.shares(2048, database_here=here, queue_mib=queue_mib)
            parts = of.web_mib + of.worker_mib + of.database_mib + of.valkey_mib
            assert 1800 < parts <= 2048 * 90 // 100


def test_what_the_queue_takes_web_processes_and_workers_lack() -> None:
    usual = memory.shares(2048, database_here=True)
    large = memory.shares(2048, database_here=True, queue_mib=200)
    assert large.valkey_mib == 400
    assert large.database_mib == usual.database_mib  # PostgreSQL would have to be restarted
    assert large.web_mib / large.worker_mib == pytest.approx(usual.web_mib / usual.worker_mib, 0.01)
    conf = valkey.valkey(memory_mib=large.valkey_mib).files[0].content
    assert "maxmemory 200mb\nmaxmemory-policy noeviction\n" in conf


def test_a_queue_that_leaves_the_app_too_little_is_refused() -> None:
    most = "should be at most 306 on a server with 2048 MiB, where the queue takes twice that"
    with pytest.raises(UserError, match=f"stages:queue.memory_mib: {most} .*, got 307") as caught:
        memory.shares(2048, database_here=True, queue_mib=307)
    assert caught.value.remedy == "Choose less, or a larger stages:server.plan."
    smaller = memory.shares(2048, database_here=True, queue_mib=306)
    larger = memory.shares(4096, database_here=True, queue_mib=307)
    assert smaller.web_mib + smaller.worker_mib >= smaller.valkey_mib
    assert larger.valkey_mib == 614
