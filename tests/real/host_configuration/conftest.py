"""One host for all tests of the host configuration, and the product that runs on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from components.host.model import Release
from tests.real.app_host import (
    AppHost,
    Product,
    running,
)
from tests.real.host_configuration.steps import (
    provider,
)
from tests.support.ranges import free_cidr


@pytest.fixture(scope="package")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppHost]:
    cidr = free_cidr()
    stack = f"hostcfg-{cidr.split('.')[2]}"
    with running(tmp_path_factory.mktemp("host"), stack, cidr) as made:
        yield made


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Product:
    return Product(tmp_path_factory.mktemp("product"))


@pytest.fixture(scope="package")
def release(product: Product) -> Release:
    return Release(repository=str(product.folder), commit=product.commit())


@pytest.fixture
def up(host: AppHost, release: Release) -> dict[str, Any]:
    """The host with a first release on it, whatever went before; the inputs that made it so."""
    props = host.props(release)
    provider.create(props)
    return props
