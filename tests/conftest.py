"""Options that every test tree shares."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from components.clouds.local.account import operations
from components.clouds.local.account.preflight import INOTIFY
from components.clouds.local.hosts import machine

OF_A_RUN = re.compile(r"[a-z]([0-9]+)(-.*)?")
"""Stacks of tests that use the machine's own root folder carry the id of the test's process."""

os.environ["STAGES_LOCAL_CA_CERTIFICATES"] = os.devnull
"""Plans and hosts are alike on all machines, whatever authorities their administrators added."""

STAGES = ("real", "stages")

signal.signal(signal.SIGINT, signal.default_int_handler)
"""What a shell starts in the background ignores Ctrl-C, and so would all that tests start."""


LIMIT = pytest.StashKey[str]()
MANY_HOSTS = 1024
"""Inotify instances: a host has about a dozen of root's, whose usual limit is 128 for all. A user
is asked to raise it; here several processes have stacks side by side, and it is set back."""


def pytest_sessionstart(session: pytest.Session) -> None:
    """Make room for the hosts of several processes. Take away what killed runs of tests left: their
    addresses are the next run's."""
    if hasattr(session.config, "workerinput"):
        return
    limit = INOTIFY.read_text() if os.geteuid() == 0 and INOTIFY.exists() else str(MANY_HOSTS)
    if int(limit) < MANY_HOSTS:
        with contextlib.suppress(OSError):  # a container may not
            INOTIFY.write_text(str(MANY_HOSTS))
            session.config.stash[LIMIT] = limit
    if not machine.root().is_dir():
        return
    for folder in machine.root().iterdir():
        match = OF_A_RUN.fullmatch(folder.name)
        owner = (machine.read_json(folder / "owner.json") or {}).get("checkout", "")
        ours = "pytest-of-" in owner  # a clone in pytest's own folder: never a person's stack
        if match and ours and not Path("/proc", match[1]).exists():
            operations.delete_data(folder.name)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Set the limit back that was raised."""
    if limit := session.config.stash.get(LIMIT, ""):
        INOTIFY.write_text(limit)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what is rendered now over the files in tests/golden, to be read as a diff",
    )


class Lanes(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Deals tests out to processes in lanes: those that share hosts or addresses stay together.

    A lane is a folder below tests/real, the files there whose names begin alike, or else a file.
    The files of tests/real/stages are lanes of their own: each process has its own stacks.
    """

    def _split_scope(self, nodeid: str) -> str:
        parts = Path(nodeid.split("::")[0]).parts
        if parts[1] != "real" or parts[1:3] == STAGES:
            return "/".join(parts)
        return parts[2] if len(parts) > 3 else parts[2].split("_")[1]


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Lanes:
    """Use the lanes whenever tests run in several processes."""
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the lanes of real hosts and machines first, and of those the stages, the longest."""

    def rank(item: pytest.Item) -> int:
        parts = Path(item.nodeid).parts
        return 0 if parts[1:3] == STAGES else 1 if parts[1] in {"real", "machine"} else 2

    items.sort(key=rank)


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


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Tell a failure when it happens: a long run may be cut off before its summary."""
    if report.failed and not os.environ.get("PYTEST_XDIST_WORKER"):
        print(f"\n{report.nodeid}: {report.when} failed\n{report.longreprtext[-2000:]}", flush=True)


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
