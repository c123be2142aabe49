"""Both stages of a fresh clone, side by side on real hosts, brought up once for these tests.

Each test leaves its stack up, whatever it did to it. What the stacks held is deleted at the end,
and nothing may be left of them on the machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from components.clouds.local.account import operations
from tests.support.clone import Clone, Stack, clone
from tests.support.ranges import unused


def network(number: int) -> str:
    """A range of this process of the tests, for others run beside it."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return unused(f"10.{100 + int(worker)}.{number}.0/24")


def take_away(stack: Stack) -> None:
    """Take a stack down with its data, and see that nothing is left of it on the machine."""
    try:
        stack.run("down")
        stack.run("delete-data", "--confirm", stack.name, "--with-backups")
    except AssertionError:  # as in the middle of a promotion: its addresses are the next stack's
        operations.delete_data(stack.name)
        raise
    assert operations.leftovers(stack.name) == []


@pytest.fixture(scope="package")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A fresh clone."""
    return clone(tmp_path_factory.mktemp("stages") / "clone", quick=True)


@pytest.fixture(scope="package")
def stage1(checkout: Clone) -> Iterator[Stack]:
    """Stage 1, up. Its name is this run's own, for the machine may have others."""
    stack = checkout.stack(f"t{os.getpid()}-stage1", stage=1, network__cidr=network(1))
    try:
        stack.up()
        yield stack
    finally:
        take_away(stack)


@pytest.fixture(scope="package")
def stage2(checkout: Clone) -> Iterator[Stack]:
    """Stage 2, up."""
    stack = checkout.stack(f"t{os.getpid()}-stage2", stage=2, network__cidr=network(2))
    try:
        stack.up()
        yield stack
    finally:
        take_away(stack)
