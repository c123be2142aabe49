"""What `make signals` says, to a person and to a machine, as it was last read by a person.

After a wanted change: ``pytest tests/golden --update-golden``, then read ``git diff``.
"""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from pathlib import Path

import pytest

from components.seam.provider import load
from scripts.lib.signals import signs
from scripts.lib.signals.evidence import Evidence, Failure, Run
from scripts.lib.signals.next_stage import Cost
from scripts.lib.signals.report import Report
from tests.support.signals import BEGIN, WEEK, minutes

FOLDER = Path(__file__).parent / "signals"
COST = Cost(now=Decimal("30.58"), then=Decimal("79.53"), more=Decimal("48.95"), per_use=3)


def report(evidence: Evidence, window_min: int | None, cost: Cost = COST) -> Report:
    five = signs.five(evidence, load("aws").downtime, window_min)
    return Report(stack="shop", evidence=evidence, signs=five, cost=cost)


def outgrown() -> Report:
    refused = tuple(range(BEGIN + 100, BEGIN + 132))
    crashes = [
        Failure(at=BEGIN + at, unit=unit, result="oom-kill")
        for at in (1000, 2000)
        for unit in ("worker@worker.1.service", "web@8001.service")
    ]
    evidence = Evidence(
        since=BEGIN,
        until=BEGIN + WEEK,
        samples=minutes(*[(10, 100, 147.25)] * 3, cpu=75, memory=60, refused=refused).samples,
        runs=(Run(start=BEGIN + 90, end=BEGIN + 140),),
        failures=tuple(crashes),
    )
    return report(evidence, window_min=10)


def near() -> Report:
    seen = minutes(*[(10, 100, 60.0)] * 3, cpu=20, memory=30)
    good = {"ok": True, "last_good": {"at": BEGIN + WEEK - 9 * 86400}}
    made = {"ok": True, "last_good": {"at": BEGIN + WEEK - 7200}}
    backups = {"now": BEGIN + WEEK, "backup": made, "verify": good}
    return report(dataclasses.replace(seen, backups=backups), window_min=30)


def silent() -> Report:
    cost = Cost(reason="stages:server.plan: should be one of s, got 'x'. Choose one.")
    return report(Evidence(since=BEGIN, until=BEGIN + WEEK), window_min=None, cost=cost)


REPORTS = {"outgrown": outgrown, "near": near, "silent": silent}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_the_golden_one(name: str, pytestconfig: pytest.Config) -> None:
    report = REPORTS[name]()
    texts = {
        "txt": "\n".join(report.lines()) + "\n",
        "json": json.dumps(report.as_json(), indent=2) + "\n",
    }
    for kind, text in texts.items():
        file = FOLDER / f"{name}.{kind}"
        if pytestconfig.getoption("--update-golden"):
            file.write_text(text)
        assert text == file.read_text(), "see this file's first lines"
