"""Options that every test tree shares."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what is rendered now over the files in tests/golden, to be read as a diff",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort tests into lanes for ``-n 2 --dist loadgroup``; the long lanes of real hosts go first.

    Tests that share a stack or an address range stay in one process: those of a folder below
    tests/real, those of the local cloud's own files, else those of a file.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_lane(item.path)))
    items.sort(key=lambda item: "real" not in item.path.parts)


def _lane(file: Path) -> str:
    inside = file.relative_to(Path(__file__).parent)
    if inside.parts[0] == "real":
        return inside.parts[1] if len(inside.parts) > 2 else inside.stem.split("_")[1]
    return str(inside)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test of the real machine is a failure: it would prove nothing there."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("CI") and item.get_closest_marker("real"):
        report.outcome = "failed"
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.longrepr = f"{item.nodeid}: skipped ({reason}), which CI does not accept"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file below tests/real that skips itself."""
    report = yield
    if report.skipped and os.environ.get("CI") and "real" in collector.path.parts:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid}: skipped as a whole, which CI does not accept"
    return report
