"""What is known of a type of resource, whoever makes it (``components/seam/kinds.py``)."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from components.cloud_names import cloud_names
from components.seam.kinds import UNKNOWN_KIND, Kind
from components.seam.provider import load


@functools.cache
def all_kinds() -> Mapping[str, Kind]:
    """The kinds of this project and of every cloud, by type."""
    from components.resources.kinds import KINDS  # late: it loads the SDK

    found = dict(KINDS)
    for name in cloud_names():
        found |= load(name).kinds
    return found


def lookup(type_: str) -> Kind:
    """The kind of a type."""
    return all_kinds().get(type_, UNKNOWN_KIND)
