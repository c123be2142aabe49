"""What is known of this project's own types (``components/seam/kinds.py``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from components.resources import first_boot, host_configuration, in_service
from components.seam.kinds import Kind

_PREFIX = "pulumi-python:dynamic/stages:"
KINDS: Final[Mapping[str, Kind]] = {
    f"{_PREFIX}{name}": kind
    for name, kind in {
        "HostConfiguration": Kind(replaces=host_configuration.IDENTITY),
        "WayIn": Kind(),
        "FirstBoot": Kind(replaces=first_boot.IDENTITY, updates=()),
        "InService": Kind(replaces=in_service.IDENTITY),
        "FirstContactKey": Kind(replaces=("generation",), updates=()),
        "PinnedHostKey": Kind(replaces=("server_id",), updates=()),
        "Handover": Kind(passes="server_id"),
        "QueueHandover": Kind(passes="server_id"),
        "GeneratedSecrets": Kind(updates=("names",)),
    }.items()
}
