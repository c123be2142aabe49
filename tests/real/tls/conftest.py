"""Both stages with a domain, and an ACME server that answers for them.

Pebble and its DNS listen in a network namespace of each stack, behind the machine. Hosts ask the
DNS of the tests; the name has no record until a test gives it one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.real.stages.conftest import take_away
from tests.real.tls.site import DOMAIN, Site
from tests.support import acme
from tests.support.clone import Clone, clone
from tests.support.namespaces import cable, namespace
from tests.support.ranges import unused


@pytest.fixture(scope="package")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A fresh clone."""
    return clone(tmp_path_factory.mktemp("tls") / "clone", quick=True)


@contextmanager
def site(checkout: Clone, folder: Path, stage: int) -> Iterator[Site]:
    """A stack that came up with a domain that leads nowhere yet."""
    world = unused(f"10.91.{12 + stage}.0/24").removesuffix(".0/24")
    with namespace(f"acme{stage}") as outside:
        cable(None, outside, address=f"{world}.2/24", gateway=f"{world}.1")
        authority = acme.authority(f"{world}.2", outside, folder)
        stack = checkout.stack(
            f"t{os.getpid()}-tls{stage}",
            stage=stage,
            network__cidr=unused(f"10.91.{10 + stage}.0/24"),
            domain=DOMAIN,
            tls__acme_server=authority.directory,
            tls__acme_ca=authority.ca_pem,
        )
        try:
            said = stack.up()
            with authority.running():
                made = Site(stack, authority, stack.outputs()["address"], said)
                made.use_dns()
                yield made
        finally:
            take_away(stack)


@pytest.fixture(scope="package")
def stage1(checkout: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(checkout, tmp_path_factory.mktemp("authority1"), 1) as made:
        yield made


@pytest.fixture(scope="package")
def stage2(checkout: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(checkout, tmp_path_factory.mktemp("authority2"), 2) as made:
        yield made
