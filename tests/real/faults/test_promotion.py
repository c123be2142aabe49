"""A promotion with something killed in each step: the operator's command, a host, and a service.

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
    for outcome in made.undisturbed():
        print(outcome)
        assert outcome.acknowledged and outcome.wrong == []
    return made


def test_nothing_is_lost_or_left_in_between(promotion: Promotion, rng: random.Random) -> None:
    hosts, services = set(promoting.HOSTS), promoting.STRIKES.keys() - {"operator"}
    whom = ["operator", rng.choice(sorted(hosts)), rng.choice(sorted(services - hosts))]
    rng.shuffle(whom)
    for outcome in promotion.struck(promoting.choose(whom, rng)):
        print(outcome)
        assert outcome.acknowledged and outcome.wrong == []
