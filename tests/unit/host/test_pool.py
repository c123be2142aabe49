"""Pool arithmetic: a table of databases that exist, and properties over all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import UserError
from components.host.pool import DIRECT, OVERLAP, RELEASE, PoolSizes, pool_sizes


@pytest.mark.parametrize(
    ("database", "limit", "reserved", "pool", "reserve"),
    [
        ("DigitalOcean 1 GiB", 25, 3, 12, 2),
        ("DigitalOcean 2 GiB", 50, 3, 25, 5),
        ("DigitalOcean 4 GiB", 100, 3, 25, 5),
        ("RDS 1 GiB", 112, 5, 25, 5),
        ("PostgreSQL's default, stage 1", 100, 3, 25, 5),
        ("25 free for the pool: the smallest full one", 36, 3, 20, 5),
        ("24 free: no full pool", 35, 3, 21, 3),
        ("2 free: the least of all", 13, 3, 1, 1),
    ],
)
def test_default_sizes(database: str, limit: int, reserved: int, pool: int, reserve: int) -> None:
    got = pool_sizes(limit=limit, reserved=reserved, wanted=None)
    assert got == PoolSizes(pool=pool, reserve=reserve), database


def test_wanted_size_takes_what_is_left_as_reserve() -> None:
    assert pool_sizes(limit=100, reserved=3, wanted=87) == PoolSizes(pool=87, reserve=2)
    assert pool_sizes(limit=100, reserved=3, wanted=10) == PoolSizes(pool=10, reserve=5)


def test_too_large_a_pool_is_refused_with_the_sum() -> None:
    with pytest.raises(UserError) as error:
        pool_sizes(limit=25, reserved=3, wanted=15)
    assert str(error.value) == (
        "stages:database.pool_size: should be at most 13 (the database allows 25 connections, of"
        " which 3 are reserved, 4 go to DIRECT_DATABASE_URL, 2 to the release command, 2 are kept"
        " for a replacement and 1 for the reserve), got 15. Choose a smaller pool or a"
        " larger plan of the database."
    )


def test_an_empty_pool_is_refused() -> None:
    with pytest.raises(UserError) as error:
        pool_sizes(limit=100, reserved=3, wanted=0)
    assert str(error.value) == "stages:database.pool_size: should be at least 1, got 0"


def test_a_database_without_room_is_refused() -> None:
    with pytest.raises(UserError) as error:
        pool_sizes(limit=12, reserved=3, wanted=None)
    assert str(error.value) == (
        "stages:database.plan: should be one with at least 13 connections, got one with 12."
        " Choose a larger plan."
    )


limits = st.integers(min_value=0, max_value=6000)
reserves = st.integers(min_value=0, max_value=50)


@given(limit=limits, reserved=reserves, wanted=st.none() | st.integers(1, 6000))
def test_what_is_accepted_fits_and_what_fits_is_accepted(
    limit: int, reserved: int, wanted: int | None
) -> None:
    room = limit - reserved - DIRECT - RELEASE - OVERLAP
    try:
        sizes = pool_sizes(limit=limit, reserved=reserved, wanted=wanted)
    except UserError:
        assert room < 2 or (wanted is not None and wanted + 1 > room)
        return
    assert sizes.total + OVERLAP <= limit - reserved
    assert sizes.pool >= 1
    assert 1 <= sizes.reserve <= 5
    assert wanted is None or sizes.pool == wanted


@given(limit=limits, reserved=reserves)
def test_a_larger_database_never_gets_fewer_connections(limit: int, reserved: int) -> None:
    try:
        smaller = pool_sizes(limit=limit, reserved=reserved, wanted=None)
    except UserError:
        return
    larger = pool_sizes(limit=limit + 1, reserved=reserved, wanted=None)
    assert larger.total >= smaller.total
    assert larger.pool <= 30
