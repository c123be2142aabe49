"""Each fault once, in a short form; `make chaos` has the long one."""

from __future__ import annotations

import random

import pytest

from components.host import valkey
from tests.real.faults import faults, trial
from tests.real.faults.faults import Fault
from tests.real.faults.product import BACK_S, Product
from tests.support.ledger import CLIENTS
from tests.support.waiting import until

pytestmark = pytest.mark.real


def test_a_job_that_waits_keeps_a_host_from_going(products: dict[int, Product]) -> None:
    """Stage 2's shutdown asks this; a job that nobody has taken yet is in a list of the queue's.

    Before the faults: a job that was done when its worker was killed, but not acknowledged yet, is
    in the queue until the next worker gives it out again, up to two minutes later.
    """
    product = products[2]
    app = product.app

    def drained() -> bool:
        return app.run(["sh", "-c", valkey.DRAINED]).returncode == 0

    product.wait_for_all_jobs()
    until("the queue to be empty", drained, BACK_S)
    app.run(["systemctl", "stop", "worker@worker.1.service"])
    try:
        until("a job to be taken in", product.queue)
        assert not drained()
    finally:
        app.run(["systemctl", "start", "worker@worker.1.service"])
    until("the queue to be empty", drained, BACK_S)


@pytest.mark.parametrize("fault", faults.every(faults.SHORT_CUT_S), ids=lambda fault: fault.key)
def test_no_acknowledged_write_is_lost_or_doubled(
    fault: Fault, products: dict[int, Product], rng: random.Random
) -> None:
    done = trial.run(products[fault.stage], fault, rng)
    print(f"{fault.title}: well again after {done.recovered_s:.1f} s")
    assert (done.lost, done.twice, done.hung) == (0, 0, 0), done
    assert done.acknowledged >= 2 * CLIENTS, "each client before and after"


def test_each_job_that_was_taken_in_is_done(products: dict[int, Product]) -> None:
    """Those that were under way when their worker, their queue or their host was killed as well."""
    for product in products.values():
        assert len(product.jobs) > 0
        product.wait_for_all_jobs()
