"""The authority that signs the certificates of a region's databases.

A public certificate that ships with the project (``rds_ca.pem`` says where it is from), because
it must be known when a plan is made, without an account and without a download.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from components.errors import wrong

IDENTIFIER = "rds-ca-rsa2048-g1"
"""The authority that a database is told to use, so that it is the one that the pooler trusts."""

FILE = Path(__file__).with_name("rds_ca.pem")


@cache
def authorities() -> dict[str, str]:
    """Return the PEM text of each region's authority."""
    block = re.compile(
        r"^# ([a-z]+-[a-z]+-\d)\n(-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n)",
        re.MULTILINE | re.DOTALL,
    )
    return dict(block.findall(FILE.read_text()))


def authority(region: str) -> str:
    """Return one region's. Raises ``UserError`` for a region whose authority is not known."""
    known = authorities()
    if region not in known:
        raise wrong(
            "stages:region",
            "a region whose database authority is known here",
            region,
            f"Known are {', '.join(known)}; another one goes into {FILE.name} of clouds/aws.",
        )
    return known[region]
