"""What a stage asks of a cloud's DNS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TTL_S: Final = 300
"""How long a resolver keeps a record of the domain: after a mistake in it, or a new address, users
are led right within five minutes. The address is static, so that less would rarely help anybody,
and all of them would ask more often."""


@dataclass(frozen=True, kw_only=True)
class RecordNeeds:
    """Names that lead to the stack's address."""

    zone: str
    """A zone that the cloud's DNS has, ``example.com``."""
    names: tuple[str, ...]
    """Each is the zone's own or ends with it."""
    ttl_s: int = TTL_S
