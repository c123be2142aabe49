"""The cores that a host is held to, and the processor time of this process's children."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from components.clouds.local.hosts import usage
from components.clouds.local.hosts.nspawn import Host
from components.errors import StepFailed


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
        others = [task for task in usage.threads(host) if _cores(task) not in (cores, None)]
        if not others:
            return
        for task in others:
            with suppress(ProcessLookupError):
                os.sched_setaffinity(task, cores)
    raise StepFailed(f"{host.folder.name}: should stay on core {cores}, got processes elsewhere")


def _cores(task: int) -> set[int] | None:
    try:
        return os.sched_getaffinity(task)
    except ProcessLookupError:
        return None
