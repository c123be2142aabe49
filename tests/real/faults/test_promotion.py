"""A promotion with something killed in its middle: the operator's command, and one thing more.

`make chaos FAULTS=promotion` has all of them, at more moments.
"""

from __future__ import annotations

import random

import pytest

from tests.real.faults import promoting
from tests.real.faults.product import Product
from tests.real.faults.promoting import Promotion

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def promotion(products: dict[int, Product]) -> Promotion:
    """Between the two stages, whose steps were timed."""
    made = Promotion(products[1], products[2])
    made.undisturbed()
    return made


@pytest.mark.parametrize("whom", ["operator", "another"])
def test_nothing_is_lost_or_left_in_between(
    whom: str, promotion: Promotion, rng: random.Random
) -> None:
    others = sorted(promoting.STRIKES.keys() - {"operator"})
    blow = promoting.choose(rng.choice(others) if whom == "another" else whom, rng)
    print(blow)
    outcome = promoting.blow(promotion, blow)
    assert outcome.acknowledged and outcome.wrong == [], blow
