"""What a cloud's folder adds to the commands."""

from __future__ import annotations

import pytest

from components import settings
from components.cloud_names import cloud_names
from components.errors import UserError
from components.seam.operations import Operations
from components.seam.provider import load
from tests.support.planned import only, planned, stack_values


def test_a_cloud_without_hooks_asks_and_does_nothing() -> None:
    none = Operations()
    assert none.asks
    assert none.leftovers("s") == none.delete_data("s", False) == []
    assert none.hosts("s") == {}


@pytest.mark.parametrize("cloud", cloud_names())
def test_a_cloud_asks_its_account_or_machine_before_a_run(cloud: str) -> None:
    assert load(cloud).operations.preflight is not Operations().preflight


def test_a_failover_is_asked_for_where_nobody_else_does_it() -> None:
    chosen = settings.read("shop", stack_values("aws-stage2"))
    with pytest.raises(UserError) as refused:
        load("aws").operations.failover(chosen)
    assert refused.value.exit_code == 2
    assert str(refused.value) == (
        "Stack shop: should be one whose failover is asked for, got one on aws."
        " In stage 2, stages:database.standby: true makes a standby, to which aws fails over by"
        " itself."
    )
    assert load("aws").operations.databases("shop") == []


@pytest.mark.parametrize(
    ("stack", "type_", "key", "alone", "with_standby"),
    [
        ("aws-stage2", "rds/instance:Instance", "multiAz", False, True),
        ("digitalocean-stage2", ":DatabaseCluster", "nodeCount", 1, 2),
    ],
)
def test_the_standby_that_the_error_names_is_one_of_the_clouds_own(
    stack: str, type_: str, key: str, alone: object, with_standby: object
) -> None:
    for standby, value in ((False, alone), (True, with_standby)):
        database = only(planned(stack, None, database__standby=standby), type_)
        assert database["inputs"][key] == value


def test_the_local_cloud_costs_nothing_and_does_not_ask() -> None:
    local = load("local").operations
    assert not local.asks
    assert local.leftovers is not Operations().leftovers
