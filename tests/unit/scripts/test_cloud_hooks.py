"""What a cloud's folder adds to the commands."""

from __future__ import annotations

import pytest

from components import clouds
from scripts.lib import hooks


def test_a_cloud_without_hooks_asks_and_does_nothing() -> None:
    none = hooks.load("linode")
    assert none == hooks.Operations()
    assert none.asks
    assert none.leftovers("s") == none.delete_data("s") == []
    assert none.hosts("s") == {}


@pytest.mark.parametrize("cloud", clouds.names())
def test_every_hook_of_a_cloud_can_be_called(cloud: str) -> None:
    found = hooks.load(cloud)
    for name in hooks.Operations.__dataclass_fields__:
        assert name == "asks" or callable(getattr(found, name)), name


def test_the_local_cloud_costs_nothing_and_does_not_ask() -> None:
    local = hooks.load("local")
    assert not local.asks
    assert local.leftovers is not hooks.Operations().leftovers
