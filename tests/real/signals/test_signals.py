"""A product is driven into each of the five signs, and away from it."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.real.signals.conftest import Product
from tests.real.waiting import until

pytestmark = pytest.mark.real


def sign(document: dict[str, Any], key: str) -> dict[str, Any]:
    (found,) = [one for one in document["signs"] if one["key"] == key]
    return found  # type: ignore[no-any-return]


def test_queries_that_are_slow_at_the_peak(product: Product) -> None:
    def day(ms: int) -> dict[str, Any]:
        since = product.now()
        product.sample()
        for _ in range(3):
            product.visit(f"/query?ms={ms}", 16)
            product.sample()
        code, document = product.signals(since)
        assert code == (6 if document["verdict"] == "move on" else 0)
        return sign(document, "latency")

    slow = day(150)
    assert slow["verdict"] == "move on"
    assert 150 <= slow["measures"][0]["number"] < 1000
    assert day(1)["verdict"] == "stay"
