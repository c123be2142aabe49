"""One fault under load, and what it cost: acknowledged writes, and the time until all was well."""

from __future__ import annotations

import random
import time
from typing import NamedTuple

from tests.real.faults.faults import Fault
from tests.real.faults.product import BACK_S, Product
from tests.support.ledger import ledger
from tests.support.waiting import until


class Trial(NamedTuple):
    """What one fault did."""

    recovered_s: float
    """Until each client's write, a page and a new job had been answered again."""
    acknowledged: int
    lost: int
    """Acknowledged and not there."""
    twice: int
    """There more than once, though sent once."""
    hung: int
    """Clients that would have waited for ever."""


def run(product: Product, fault: Fault, rng: random.Random) -> Trial:
    """Let a fault strike while 50 clients write, and wait until everything works again."""
    product.ask("CREATE TABLE IF NOT EXISTS ledger (id bigint NOT NULL); TRUNCATE ledger")
    enough = rng.randrange(100, 1000)
    with ledger(product.app) as seen:
        product.queue()
        until("some writes", lambda: len(seen.acknowledged) >= enough, BACK_S)
        moment = fault.strike(product, rng)
        if fault.app_host_lives:
            seen.wait_for_all(time.time(), BACK_S)
            recovered_s = _all_well(product) - moment
    runs = [seen]
    if not fault.app_host_lives:  # the clients went with their host, and others come
        with ledger(product.app) as others:
            recovered_s = _all_well(product) - moment
        runs.append(others)
    rows = product.ask("SELECT id FROM ledger")
    lost = twice = 0
    for clients in runs:
        stored = clients.stored(rows)
        lost += len(clients.acknowledged - set(stored))
        twice += sum(count > 1 for count in stored.values())
    acknowledged = sum(len(clients.acknowledged) for clients in runs)
    return Trial(recovered_s, acknowledged, lost, twice, max(0, runs[-1].hung))


def _all_well(product: Product) -> float:
    """Wait for a page and for a new job; the moment when both were there."""
    until("the app to answer", product.answers, BACK_S)
    product.wait_for_a_job()
    return time.time()
