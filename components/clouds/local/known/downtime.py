"""How long a change on this machine keeps the app from answering (``components/seam/downtime.py``).

Orders of size from a warm `make up` in docs/benchmarks; the changes themselves are not benchmarked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from components.seam.downtime import APP, DATABASE, Downtime, Span, Step, costs

if TYPE_CHECKING:
    from components.settings import Settings

MEASURED = "an estimate from a warm `make up` in docs/benchmarks"
OLD_FIRST = Span(10, 120, MEASURED)
NEW_FIRST = Span(0, 0, "the firewall's rule is exchanged in one transaction")


def server(step: Step, settings: Settings) -> Iterable[Downtime]:
    """Another plan is a restart."""
    if step.op == "update":
        yield costs(step, APP, Span(5, 60, MEASURED), "the host is restarted to have its new size")


def database(step: Step, settings: Settings) -> Iterable[Downtime]:
    """Another plan or more storage is a restart."""
    if step.op == "replace":
        why = "its host is replaced; the data stays on its volume"
        yield costs(step, DATABASE, Span(5, 120, MEASURED), why)
    elif any(map(step.changes, ("memory_mib", "storage_gib"))):
        why = "its host is restarted to have its new size"
        yield costs(step, DATABASE, Span(5, 60, MEASURED), why)
    else:
        yield costs(step, DATABASE, Span(0, 10, MEASURED), "PostgreSQL may be restarted")


def volume(step: Step, settings: Settings) -> Iterable[Downtime]:
    """It grows in use."""
    if step.changes("size_gib") and settings.stage == 1:
        why = "the volume grows in use; its file system follows at the next start of the host"
        yield costs(step, APP, Span(0, 0, "no file system grows inside a container"), why)
