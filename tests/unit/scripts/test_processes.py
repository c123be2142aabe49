"""Processes of the operator's machine, told the same way on Linux and macOS."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from scripts.lib import recovery

ROOT = Path(__file__).resolve().parents[3]
LINUX_ONLY = ("components/clouds/local/", "components/host/")
"""Code that runs on a host, or on a Linux machine that carries hosts."""
LINUX = re.compile(
    r"""["'(\s]/(proc|sys|dev/shm)\b|sched_[gs]etaffinity|prctl|pidfd_|memfd_|\bapt-get\b"""
    r"|O_PATH|O_TMPFILE|setns|eventfd|getrandom|copy_file_range|waitid|SO_PEERCRED|AF_NETLINK"
    r"|readlink -f|date -d|sed -i|stat -c|xargs -r|grep -P"
)
"""What macOS has not, seen in Python."""
OF_A_HOST = {
    "scripts/bootstrap.py",  # apt-get where it is there, on Linux
    "scripts/lib/machine.py",  # the same
    "benchmarks/users/__init__.py",  # the benchmarks of local stacks
    "benchmarks/users/cores.py",
    "components/clouds/aws/resources/files/host_metrics.py",  # runs there
    "benchmarks/claims/side.py",  # a script for there
    "scripts/lib/new_server.py",  # a script for there
    "scripts/lib/signals/signs.py",  # words: where a number was measured
}
"""Files elsewhere that run on a host, or on Linux alone."""


@pytest.fixture
def no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process find no /proc of its own accord, as on macOS; psutil keeps its own way."""
    read = Path.read_text

    def read_text(self: Path, *arguments: str) -> str:
        if self.is_relative_to("/proc"):
            raise FileNotFoundError(2, "No such file or directory", str(self))
        return read(self, *arguments)

    monkeypatch.setattr(Path, "read_text", read_text)


@pytest.mark.usefixtures("no_proc")
def test_a_process_that_runs_lives_where_there_is_no_proc() -> None:
    running = recovery.process(os.getpid())
    assert running is not None
    assert timedelta() < datetime.now(UTC) - running.started < timedelta(hours=2)


def test_a_process_that_has_ended_is_none_before_its_parent_looks_and_after() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert recovery.process(child.pid) is None  # a zombie
    child.wait()
    assert recovery.process(child.pid) is None


@pytest.mark.parametrize("pid", [0, -1])
def test_the_id_of_an_unreadable_lock_is_no_process(
    pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # macOS has a process 0, its kernel: psutil finds it alive there.
    alive = psutil.Process()
    monkeypatch.setattr(psutil, "Process", lambda pid: alive)
    assert recovery.process(pid) is None


def test_a_process_that_may_not_be_looked_at_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> psutil.Process:
        raise psutil.AccessDenied(pid)

    monkeypatch.setattr(psutil, "Process", refuse)
    running = recovery.process(os.getpid())
    assert running is not None
    assert running.started < datetime.now(UTC) - timedelta(days=365)


def test_nothing_on_the_way_of_a_cloud_stack_knows_proc_or_sys() -> None:
    """A Mac has neither: whoever reads them there takes every process for dead."""
    known = {
        str(file.relative_to(ROOT))
        for folder in ("benchmarks", "components", "planning", "policy", "scripts")
        for file in (ROOT / folder).rglob("*.py")
        if LINUX.search(file.read_text())
    }
    assert {name for name in known if not name.startswith(LINUX_ONLY)} <= OF_A_HOST
    assert known >= OF_A_HOST
