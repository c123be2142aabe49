"""The README's commands on a machine that systemd runs, played by a container."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.machine import scenario
from tests.machine.container import Container, sweep
from tests.machine.machine import Machine
from tests.real.conftest import host_image  # noqa: F401  (the fixture)

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def machine(
    host_image: Path,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machine]:
    sweep()
    with Container(tmp_path_factory.mktemp("machine"), host_image) as running:
        yield running


@pytest.mark.parametrize("step", scenario.STEPS, ids=lambda step: step.__name__)
def test_machine(machine: Machine, step: Callable[[Machine], None]) -> None:
    step(machine)
