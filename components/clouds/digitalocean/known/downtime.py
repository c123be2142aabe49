"""How long a change on DigitalOcean keeps the app from answering (``components/seam/downtime.py``).

Nothing here was measured on DigitalOcean: each number names its page, or says that it is an
estimate.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from components.seam.downtime import DATABASE, Downtime, Span, Step, costs

if TYPE_CHECKING:
    from components.settings import Settings

ESTIMATE = "an estimate, not measured on DigitalOcean"

OLD_FIRST = Span(120, 900, f"{ESTIMATE}: boot, packages, build of the app")
NEW_FIRST = Span(
    1,
    30,
    f"{ESTIMATE}; the provider waited 13 s for the address against a stand-in of the API",
)


def cluster(step: Step, settings: Settings) -> Iterable[Downtime]:
    """Its size, version, nodes and disk."""
    if step.op == "replace":
        why = "the cluster is replaced by an empty one, its backups go with it"
        yield costs(step, DATABASE, Span(300, None, ESTIMATE), why)
        return
    if step.changes("version"):
        why = "a new major version: the cluster is upgraded, at once and not in the window"
        yield costs(step, DATABASE, Span(60, None, ESTIMATE), why)
    if step.changes("size"):
        why = "nodes of the new size are filled from the old ones, then take over"
        yield costs(step, DATABASE, Span(5, 300, ESTIMATE), why)
    elif step.changes("nodeCount") or step.changes("storageSizeMib"):
        what = "a node comes or goes" if step.changes("nodeCount") else "the disk grows"
        yield costs(step, DATABASE, Span(0, 60, ESTIMATE), f"{what} while the cluster answers")
