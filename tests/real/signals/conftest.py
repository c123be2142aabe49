"""A stage 1 with a product of its own, and what is said of it when it was driven into the signs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.clouds.local.hosts import usage
from tests.real.signals.product import Product
from tests.real.stages.conftest import take_away
from tests.support.clone import clone
from tests.support.ranges import unused
from tests.support.waiting import until

APP = Path(__file__).with_name("app")
BURN = "echo -12 > /proc/self/autogroup || true; while :; do :; done"
"""Before what else this machine does, and still so that a sample can be taken beside it."""
HELD = "/run/held"
HOLD_MIB = 740
HOLD = f"import time; held = b'x' * ({HOLD_MIB} << 20); open('{HELD}', 'w'); time.sleep(60)"

OUTAGE = """
until systemctl is-active web@8000 | grep -q activating; do sleep 0.1; done
systemctl stop web@8001 web@8002
"""
"""The old processes end while the new release starts, as where no other fits beside them."""


@dataclass(frozen=True)
class Report:
    """What the command said of a period."""

    product: Product
    since: str
    code: int
    document: dict[str, Any]
    memory_mib: float
    """What the machine counted for the whole host while the load was there."""

    def sign(self, key: str) -> dict[str, Any]:
        (sign,) = [row for row in self.document["signs"] if row["key"] == key]
        return sign  # type: ignore[no-any-return]


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Stage 1 on the smallest plan, up."""
    folder = tmp_path_factory.mktemp("signals")
    shutil.copytree(APP, folder / "app")
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    for argv in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "the product"]):
        subprocess.run(["git", *argv], cwd=folder / "app", check=True)
    stack = clone(folder / "clone", quick=True).stack(
        f"g{os.getpid()}-stage1",
        stage=1,
        network__cidr=unused("10.91.70.0/24"),
        server__plan="local-1gb",
        app__repository=str(folder / "app"),
        app__directory=None,
        app__packages=["python3-psycopg"],
    )
    try:
        stack.up()
        yield Product(stack, str(stack.outputs()["url"]))
    finally:
        take_away(stack)


@pytest.fixture(scope="package")
def outgrown(product: Product) -> Report:
    """Slow queries, no processor and no memory left, crashes, a slow deploy, a short window."""
    since = product.now()
    product.sample()
    for _ in range(3):
        product.visit("/query?ms=150")
        product.sample()
    taken_mib = load(product)
    product.crash("with the web")
    product.crash("with the web")
    window = {"maintenance__window_min": 1}
    with product.visitor(), product.load("outage", "sh", "-c", OUTAGE):
        product.stack.up(app__web_processes=1, app__environment={"START_S": "25"}, **window)
    product.sample()
    return Report(product, since, *product.signals(since), taken_mib)


@pytest.fixture(scope="package")
def mended(outgrown: Report) -> Report:
    """The same with quick queries, no load, crashes of the worker alone and a quick deploy."""
    product = outgrown.product
    since = product.now()
    with product.visitor():
        product.stack.up(app__web_processes=2, app__environment=None, maintenance__window_min=30)
    product.crash("alone")
    product.crash("alone")
    product.sample()
    for _ in range(3):
        product.visit("/query?ms=1")
        product.let_pass(1)
        product.sample()
    return Report(product, since, *product.signals(since), 0)


def load(product: Product) -> float:
    """Take most of the memory, then all of a processor; return what the machine counts of that."""
    with product.load("hold", "python3", "-c", HOLD):
        until("the memory to be taken", lambda: product.sh(f"find {HELD} 2>&1 || true") == HELD)
        product.sample()
        (taken_mib,) = usage.memory_mib(product.stack.name).values()
    leader = product.host.leader()
    assert leader
    everywhere = os.sched_getaffinity(leader.pid)
    # The host has one processor for a while: other tests keep theirs.
    os.sched_setaffinity(leader.pid, {max(everywhere)})
    try:
        with product.load("burn", "sh", "-c", BURN):
            product.sample()
            product.let_pass(2)
            product.sample()
    finally:
        os.sched_setaffinity(leader.pid, everywhere)
    return taken_mib
