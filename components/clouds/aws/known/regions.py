"""Regions and their zones, known without an account.

The zones come from here and not from a look-up, so that a preview needs no answer of AWS for
them and a new zone in a region never moves a volume or a subnet (docs/facts/pulumi.md 5).
"""

from __future__ import annotations

from components.errors import UserError, invalid
from components.nearest import nearest

DEFAULT = "us-east-1"

REGIONS = (
    *("af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2"),
    *("ap-northeast-3", "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2"),
    *("ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7"),
    *("ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1"),
    *("eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1"),
    *("me-south-1", "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1"),
    "us-west-2",
)
"""The standard partition, as in botocore 1.44's ``endpoints.json``."""

OTHER_ZONES = {"ap-northeast-1": ("a", "c")}
"""Where the first two zones are not ``a`` and ``b``. In us-west-1 they depend on the account: the
preflight tells, and ``stages:network.zones`` names them."""


def region(wanted: str | None) -> str:
    """Return the region of a stack. Raises ``UserError`` for one that does not exist."""
    chosen = wanted or DEFAULT
    if chosen not in REGIONS:
        near = nearest(chosen, REGIONS)
        raise invalid(
            "stages:region",
            "a region of AWS",
            chosen,
            f"The nearest name is {near[0]}." if near else "For example us-east-1 or eu-central-1.",
        )
    return chosen


def zones(region: str, wanted: tuple[str, ...]) -> tuple[str, str]:
    """Return the two zones of a stack: the first holds server and volume.

    Raises ``UserError`` unless ``wanted`` is empty or names two zones of the region.
    """
    if not wanted:
        first, second = OTHER_ZONES.get(region, ("a", "b"))
        return f"{region}{first}", f"{region}{second}"
    foreign = [zone for zone in wanted if zone[:-1] != region]
    if foreign or len(wanted) != 2:
        raise UserError(
            f"stages:network.zones: should be two zones of {region}, got {', '.join(wanted)}",
            f"For example [{region}a, {region}b].",
        )
    return wanted[0], wanted[1]
