"""Both stages side by side, brought up once for all faults; a seed chooses where they strike.

Each fault leaves its stack as it was: up, and well.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.real.faults.product import Product
from tests.real.stages.conftest import take_away
from tests.support.clone import Clone, clone
from tests.support.ranges import unused

SEED = int(os.environ.get("SEED") or 7)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """A choice of its own for each test; a failure shows the seed."""
    print(f"SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")  # noqa: S311 - it keeps no secret


@pytest.fixture(scope="package")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return clone(tmp_path_factory.mktemp("faults") / "clone", quick=True)


@pytest.fixture(scope="package")
def products(checkout: Clone) -> Iterator[dict[int, Product]]:
    """Each stage, by its number."""
    made: dict[int, Product] = {}
    with ExitStack() as leaving:
        for stage in (1, 2):
            name, cidr = f"f{os.getpid()}-stage{stage}", unused(f"10.91.6{stage}.0/24")
            made[stage] = Product(checkout.stack(name, stage=stage, network__cidr=cidr))
            leaving.callback(take_away, made[stage].stack)
            made[stage].up()
        yield made
