"""Both stages side by side, brought up once for all faults; a seed chooses where they strike.

Each fault leaves its stack as it was: up, and well.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.real.clone import Clone, clone
from tests.real.faults.product import Product
from tests.real.stages.conftest import take_away

SEED = int(os.environ.get("SEED") or 7)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """A choice of its own for each test; a failure shows the seed."""
    print(f"SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="package")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return clone(tmp_path_factory.mktemp("faults") / "clone")


@pytest.fixture(scope="package")
def products(checkout: Clone) -> Iterator[dict[int, Product]]:
    """Each stage, by its number."""
    made = {
        stage: Product(
            checkout.stack(
                f"f{os.getpid()}-stage{stage}", stage=stage, network__cidr=f"10.91.6{stage}.0/24"
            )
        )
        for stage in (1, 2)
    }
    try:
        for product in made.values():
            product.up()
        yield made
    finally:
        for product in made.values():
            take_away(product.stack)
