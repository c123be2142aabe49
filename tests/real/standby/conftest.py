"""Stage 2 with a standby and a read replica on real hosts, brought up once for these tests.

The tests of a file build on each other's end: each leaves a primary with a standby in step.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from components.clouds.local.database import cluster
from components.clouds.local.database.cluster import Cluster
from components.clouds.local.hosts.nspawn import Host
from tests.real.stages.conftest import take_away
from tests.support.clone import Stack, clone
from tests.support.ranges import unused


@dataclass(frozen=True)
class Product:
    """The stack, and its hosts as the machine sees them."""

    stack: Stack

    @property
    def cluster(self) -> Cluster:
        known = cluster.find(self.stack.name, self.stack.name)
        assert known is not None
        return known

    def member(self, name: str) -> Host:
        host = self.cluster.host(name)
        assert host is not None
        return host

    @property
    def app(self) -> Host:
        return self.member(f"{self.stack.name}-app")

    @property
    def primary(self) -> Host:
        return self.member(self.cluster.primary)

    @property
    def spare(self) -> Host:
        """The one that would take over."""
        name = self.cluster.spare
        assert name is not None
        return self.member(name)

    def address(self, role: str = "") -> str:
        """Where a member is, whatever its role: the first one, ``standby`` or ``replica-1``."""
        name = self.stack.name + (f"-{role}" if role else "")
        return self.member(name).spec().address

    def ask(self, alias: str, sql: str, code: int = 0, timeout_s: int = 30) -> str:
        """Ask through the pooler, as the app does; exit code 124 is no answer in time."""
        url = f"postgresql://app@/{alias}?host=/run/pgbouncer&port=6432"
        argv = ["timeout", str(timeout_s), "psql", "-XAtq", "-c", sql, url]
        done = self.app.run(["runuser", "-u", "app", "--", *argv])
        assert done.returncode == code, (sql, done.stdout, done.stderr)
        return (done.stdout or done.stderr).strip()

    def failover(self, *arguments: str, code: int = 0) -> str:
        return self.stack.clone.run("failover", self.stack.name, *arguments, code=code)


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    checkout = clone(tmp_path_factory.mktemp("standby") / "clone", quick=True)
    stack = checkout.stack(
        f"t{os.getpid()}-standby",
        stage=2,
        network__cidr=unused("10.91.41.0/24"),
        database__standby=True,
        database__read_replicas=1,
    )
    try:
        stack.up()
        yield Product(stack)
    finally:
        take_away(stack)
