"""How a network's range is divided, once and for good (docs/facts/aws.md 21)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from components.errors import invalid

WIDEST = 28
"""Prefix of the smallest subnet that AWS makes; it keeps five addresses of each."""


@dataclass(frozen=True)
class Ranges:
    """Four equal parts: one public and one private subnet in each of two zones."""

    public: tuple[str, str]
    private: tuple[str, str]


def divide(cidr: str) -> Ranges:
    """Return the parts. Raises ``UserError`` for a range that is too small for two zones."""
    network = ipaddress.IPv4Network(cidr)
    if network.prefixlen + 2 > WIDEST:
        raise invalid(
            "stages:network.cidr",
            f"at least a /{WIDEST - 2}, for two subnets in each of two zones",
            cidr,
            "For example 10.81.0.0/24.",
        )
    first, second, third, fourth = map(str, network.subnets(prefixlen_diff=2))
    return Ranges(public=(first, second), private=(third, fourth))
