"""The short form of `make bench BENCH=users`: users are served, hosts keep to their cores."""

from __future__ import annotations

import os

import pytest

from benchmarks import users
from benchmarks.users import cores
from components.clouds.local.hosts.nspawn import Host
from tests.support.clone import Stack

pytestmark = pytest.mark.real


def seen_by(stage: int, stack: Stack) -> users.Stage:
    return users.Stage(stage, stack.name, stack.outputs()["url"])


def cores_of(host: Host) -> set[int]:
    """Where the app's processes, the database's and a new one may run."""
    look = "for one in 1 $$ $(pgrep 'gunicorn|postgres|pgbouncer'); do taskset -pc $one; done"
    begun = ["systemd-run", "--quiet", "--wait", "--pipe", "sh", "-c", look]
    listed = host.run(begun).stdout.splitlines()
    assert len(listed) > 3, listed
    return {core for line in listed for core in _numbers(line.rpartition(":")[2])}


def _numbers(ranges: str) -> set[int]:
    """``0,2-3`` of taskset."""
    ends = [each.split("-") for each in ranges.split(",")]
    return {n for end in ends for n in range(int(end[0]), int(end[-1]) + 1)}


def test_users_of_stage_1_are_served(stage1: Stack) -> None:
    _are_served(seen_by(1, stage1), {"app server", "generator"})


def test_users_of_stage_2_are_served(stage2: Stack) -> None:
    _are_served(seen_by(2, stage2), {"app server", "database", "generator"})


def _are_served(stage: users.Stage, who: set[str]) -> None:
    seen, used = users.during(stage, users=40, seconds=3)
    assert seen.errors == 0
    assert seen.rate > 0
    assert 0 < seen.p50_ms <= seen.p99_ms
    assert set(used) == who
    assert all(percent > 0 for percent in used.values()), used


def test_each_host_stays_on_its_core_and_comes_off_it(stage2: Stack) -> None:
    stage, every = seen_by(2, stage2), os.sched_getaffinity(0)
    first, last = min(every), max(every)
    assert first != last, "two cores, as the benchmark"
    with cores.held({stage.app: first, stage.database: last}):
        assert (cores_of(stage.app), cores_of(stage.database)) == ({first}, {last})
    assert (cores_of(stage.app), cores_of(stage.database)) == (every, every)
