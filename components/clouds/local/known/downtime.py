"""How long a change on this machine keeps the app from answering (``components/seam/downtime.py``).

Orders of size from a warm `make up` in docs/benchmarks; the changes themselves are not benchmarked.
"""

from __future__ import annotations

from collections.abc import Iterable

from components.seam.downtime import APP, DATABASE, Downtime, Span, Step, costs
from components.settings import Settings

MEASURED = "an estimate from a warm `make up` in docs/benchmarks"
OLD_FIRST = Span(10, 120, MEASURED)
NEW_FIRST = Span(0, 0, "the firewall's rule is exchanged in one transaction")

_TYPE = "pulumi-python:dynamic/local:"


def of(step: Step, settings: Settings) -> Iterable[Downtime]:
    """A new plan is a restart; more storage of a database too; a volume grows in use."""
    kind = step.type.removeprefix(_TYPE)
    if kind == "Server" and step.op == "update":
        yield costs(step, APP, Span(5, 60, MEASURED), "the host is restarted to have its new size")
    elif kind == "Database" and step.op == "replace":
        yield costs(
            step,
            DATABASE,
            Span(5, 120, MEASURED),
            "its host is replaced; the data stays on its volume",
        )
    elif kind == "Database" and any(map(step.changes, ("memory_mib", "storage_gib"))):
        yield costs(
            step, DATABASE, Span(5, 60, MEASURED), "its host is restarted to have its new size"
        )
    elif kind == "Database":
        yield costs(step, DATABASE, Span(0, 10, MEASURED), "PostgreSQL may be restarted")
    elif kind == "Volume" and step.changes("size_gib") and settings.stage == 1:
        why = "the volume grows in use; its file system follows at the next start of the host"
        yield costs(step, APP, Span(0, 0, "no file system grows inside a container"), why)
