"""Each fault once, in a short form; `make chaos` has the long one.

Where the machine cannot hold services of a host to their memory, it is the host that is held.
"""

from __future__ import annotations

import random

import pytest

from tests.real.faults import faults, trial
from tests.real.faults.faults import Fault
from tests.real.faults.product import Product
from tests.real.ledger import CLIENTS

pytestmark = pytest.mark.real


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
