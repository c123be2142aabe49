"""The processor of a host: what it used, and the cores that it is held to."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from components.clouds.local.nspawn import Host
from components.errors import UserError

MOUNTS = Path("/sys/fs/cgroup")


def used_s(host: Host) -> float:
    """Seconds of processor that all of a host's processes have used, ended ones too."""
    stat = dict(line.split() for line in (_group(host) / "cpu.stat").read_text().splitlines())
    return int(stat["usage_usec"]) / 1_000_000


def used_by_children_s() -> float:
    """Seconds of processor that this process's ended children have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def held(hosts: Mapping[Host, int]) -> Iterator[None]:
    """Hold each host to one core while it lasts.

    By affinity, which works with each kind of control groups and is inherited: processes that a
    host starts meanwhile stay on its core.
    """
    all_ = os.sched_getaffinity(0)
    try:
        for host, core in hosts.items():
            _hold(host, {core})
        yield
    finally:
        for host in hosts:
            _hold(host, all_)


def _hold(host: Host, cores: set[int]) -> None:
    """Until a look finds nobody else: a process may fork between the look and the call."""
    for _ in range(20):
        others = [task for task in _tasks(host) if _cores(task) not in (cores, None)]
        if not others:
            return
        for task in others:
            with suppress(ProcessLookupError):
                os.sched_setaffinity(task, cores)
    raise UserError(
        f"{host.folder.name}: should stay on core {cores}, got processes elsewhere", exit_code=1
    )


def _cores(task: int) -> set[int] | None:
    try:
        return os.sched_getaffinity(task)
    except ProcessLookupError:
        return None


def _tasks(host: Host) -> set[int]:
    """Every thread of every process of the host."""
    found: set[int] = set()
    for file in _group(host).rglob("cgroup.procs"):
        for pid in file.read_text().split():
            with suppress(FileNotFoundError):
                found.update(int(task.name) for task in Path(f"/proc/{pid}/task").iterdir())
    return found


def _group(host: Host) -> Path:
    """The host's whole group in the v2 tree, which counts processor time on each kind of machine.

    Its first process is in a group below; the host's own has the key in its name.
    """
    leader = host.leader()
    if leader is None:
        raise UserError(f"{host.folder.name}: should run, got a host that is off", exit_code=1)
    groups = Path(f"/proc/{leader.pid}/cgroup").read_text().splitlines()
    path = next(line.partition("::")[2] for line in groups if line.startswith("0::"))
    root = MOUNTS / "unified" if (MOUNTS / "unified").exists() else MOUNTS
    parts = Path(path).parts[1:]
    depth = next(at for at, part in enumerate(parts, 1) if host.key in part)
    return root.joinpath(*parts[:depth])
