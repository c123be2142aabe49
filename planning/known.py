"""What is known of a type of resource, whoever makes it (``components/seam/known.py``)."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from components.cloud_names import cloud_names
from components.seam import known
from components.seam.known import Known
from components.seam.provider import load


@functools.cache
def all_known() -> Mapping[str, Known]:
    """The rows of this project and of every cloud, by type."""
    from components.resources.known import KNOWN  # late: it loads the SDK

    rows = dict(KNOWN)
    for name in cloud_names():
        rows |= load(name).known
    return rows


def lookup(type_: str) -> Known:
    """The row of a type."""
    return known.lookup(all_known(), type_)
