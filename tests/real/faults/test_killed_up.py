"""An ``up`` killed in its middle: the next one comes to the same end, and nothing is left.

Two of the ten points and two of the steps of a replacement, one in each stage; `make chaos` has
them all. What the engine does about its
locks and pending operations has its own tests (tests/real/test_engine_recovery.py).
"""

from __future__ import annotations

import random

import pytest

from tests.real.faults import replacing
from tests.real.faults.inventory import inventory
from tests.real.faults.product import Product
from tests.real.faults.rebuilding import rebuild
from tests.real.faults.running import POINTS

pytestmark = pytest.mark.real


@pytest.mark.parametrize("stage", [1, 2])
def test_the_next_up_comes_to_the_same_end(
    stage: int, products: dict[int, Product], rng: random.Random
) -> None:
    product = products[stage]
    wanted = inventory(product.stack)
    done = rebuild(product, rng.randrange(1, POINTS), rng, wanted)
    print(f"{done.kill}: {done.seconds:.1f} s")
    assert done.differs == [], done.kill


@pytest.mark.parametrize("stage", [1, 2])
def test_a_replacement_that_is_stopped_at_a_step_is_finished_by_the_next_up(
    stage: int, products: dict[int, Product], rng: random.Random
) -> None:
    stop = replacing.choose(stage, rng)
    assert replacing.stopped_replacement(products[stage], stop).wrong == [], stop
