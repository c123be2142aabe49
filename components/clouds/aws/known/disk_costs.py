"""What gp3 disks cost: room, and what is wanted above the baseline of IOPS and throughput."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from components.seam.cost_rules import Stack
from components.seam.costs import Line, Unpriced
from components.seam.planned import PlannedResource

BASE_IOPS = Decimal(3000)
BASE_MIBPS = Decimal(125)


def region(resource: PlannedResource) -> str:
    """The region of a resource: its own, that of its zone, that of its provider."""
    own = resource.inputs.get("region")
    zone = resource.inputs.get("availabilityZone")
    return str(own or (zone[:-1] if isinstance(zone, str) else "") or resource.region)


def gp3(
    resource: PlannedResource, stack: Stack, name: str, disk: Mapping[str, Any], item: str
) -> Iterator[Line | Unpriced]:
    """The lines of one EBS disk; ``disk`` has ``size`` or ``volumeSize``, and so on."""
    type_ = disk.get("type") or disk.get("volumeType")
    size = disk.get("size") or disk.get("volumeSize")
    if type_ != "gp3" or size is None:
        yield Unpriced(
            urn=resource.urn,
            resource=resource.name,
            type=resource.type,
            reason=f"{name}: {type_ or 'an unnamed type'}, {size or 'the image decides on'} GiB:"
            " only gp3 with a size has a price here",
        )
        return
    at = region(resource)
    given = PlannedResource(
        urn=resource.urn,
        type=resource.type,
        name=resource.name,
        inputs={"size": size, **{key: disk.get(key) for key in ("iops", "throughput")}},
    )
    yield stack.line(
        resource,
        name,
        f"{item}/gp3",
        at,
        given.number("size"),
        part="server",
        kind="disk",
        detail=f"gp3, {size} GiB",
    )
    for what, key, base in (("IOPS", "iops", BASE_IOPS), ("MiBps", "throughput", BASE_MIBPS)):
        above = given.number(key, base) - base
        if above > 0:
            yield stack.line(
                resource,
                f"{name}: {what} above {base}",
                f"{item}-{key}/gp3",
                at,
                above,
                part="server",
                kind="disk",
            )
