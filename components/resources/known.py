"""What is known of this project's own types (``components/seam/known.py``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from components.resources import first_boot, host_configuration, in_service
from components.seam.known import Known

_PREFIX = "pulumi-python:dynamic/stages:"
KNOWN: Final[Mapping[str, Known]] = {
    f"{_PREFIX}{name}": known
    for name, known in {
        "HostConfiguration": Known(replaces=host_configuration.IDENTITY),
        "WayIn": Known(),
        "FirstBoot": Known(replaces=first_boot.IDENTITY, updates=()),
        "InService": Known(replaces=in_service.IDENTITY),
        "FirstContactKey": Known(replaces=("generation",), updates=()),
        "PinnedHostKey": Known(replaces=("server_id",), updates=()),
        "Handover": Known(passes="server_id"),
        "QueueHandover": Known(passes="server_id"),
        "GeneratedSecrets": Known(updates=("names",)),
    }.items()
}
