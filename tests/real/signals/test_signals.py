"""A product is driven into each of the five signs, and away from it.

Both ways at once for all signs, as a stack comes up once. Samples are taken when a test wants one
and not at each minute, and a period begins where it says; else all is as a user has it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.real.signals.conftest import Report
from tests.real.signals.product import Product
from tests.support.waiting import until

pytestmark = pytest.mark.real

SIGNS = ("latency", "load", "deploys", "crashes", "maintenance")


def test_a_young_stack_stays_and_says_what_is_not_known(product: Product) -> None:
    product.sample()
    code, document = product.signals("1m")
    verdicts = {sign["key"]: sign["verdict"] for sign in document["signs"]}
    assert (code, document["verdict"]) == (0, "stay")
    assert verdicts == {
        "latency": "not known",
        "load": "not known",
        "deploys": "stay",
        "crashes": "stay",
        "maintenance": "not known",
    }
    assert document["cost"]["more_usd_per_month"] == 0


@pytest.mark.parametrize("key", SIGNS)
def test_a_sign_that_is_driven_into_is_there(outgrown: Report, key: str) -> None:
    assert outgrown.sign(key)["verdict"] == "move on"
    assert (outgrown.code, outgrown.document["verdict"]) == (6, "move on")


@pytest.mark.parametrize("key", SIGNS)
def test_a_sign_that_is_driven_away_from_is_gone(mended: Report, key: str) -> None:
    assert mended.sign(key)["verdict"] in {"stay", "near"}
    assert (mended.code, mended.document["verdict"]) == (0, "stay")


def measure(report: Report, key: str, name: str) -> dict[str, Any]:
    (measured,) = [row for row in report.sign(key)["measures"] if row["name"] == name]
    return measured  # type: ignore[no-any-return]


def test_numbers_are_those_that_were_brought_about(outgrown: Report, mended: Report) -> None:
    assert 100 < measure(outgrown, "latency", "mean of a query")["number"] < 1000
    assert measure(mended, "latency", "mean of a query")["number"] < 50
    assert measure(outgrown, "load", "CPU")["verdict"] == "move on"
    assert measure(outgrown, "deploys", "requests refused for")["number"] > 20
    crashes = measure(outgrown, "crashes", "crashes")
    assert crashes["number"] == 2
    assert crashes["detail"].startswith("the worker failed 2 times, web processes 2 times")
    alone = measure(mended, "crashes", "crashes")
    assert alone["detail"] == "the worker failed 2 times, web processes 0 times"


def test_memory_is_what_the_machine_counts_outside(outgrown: Report) -> None:
    """It counts the kernel's own and the file cache that is in use as well."""
    memory = measure(outgrown, "load", "memory")
    assert memory["verdict"] == "move on"
    # A moment lies between the two counts.
    assert memory["number"] / 100 * 1024 == pytest.approx(outgrown.memory_mib, rel=0.15)


def test_a_host_that_does_not_answer(product: Product) -> None:
    address = product.stack.outputs()["ssh_host"]
    product.sh("systemctl stop ssh.service")
    try:
        done = product.run("--json")
    finally:
        product.sh("systemctl start ssh.service")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Stack {product.stack.name}: the app server should answer over SSH, got 'ssh: connect to"
        f" host {address} port 22: Connection refused'. `make status STACK={product.stack.name}`"
        " shows the rest of the stack.\n"
    )


def test_the_timer_takes_samples_by_itself(mended: Report) -> None:
    triggered = "systemctl show -P LastTriggerUSec samples.timer"
    until("the next minute", lambda: mended.product.sh(triggered), timeout_s=70)
    assert mended.product.sh("systemctl is-system-running") == "running"
