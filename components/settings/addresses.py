"""The keys that hold addresses: the domain, the private network, where SSH may come from."""

from __future__ import annotations

import ipaddress
from typing import Final

from components.settings.kinds import ListOf, Single
from components.settings.problems import Refused
from components.settings.text import fits, line

PRIVATE: Final = tuple(
    ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
"""The private ranges of RFC 1918."""

WIDEST: Final = {4: 8, 6: 16}
"""Shortest prefix that still is somebody's network and not a large part of the internet."""


def is_wide(cidr: str) -> bool:
    """Tell whether a network is the internet or a large part of it."""
    network = ipaddress.ip_network(cidr)
    return network.prefixlen < WIDEST[network.version]


def _domain(value: object) -> str:
    text = line(value).lower()
    if "/" in text:
        raise Refused(remedy="Leave out `https://` and everything after the name.")
    if "*" in text:
        raise Refused(remedy="Name one host: HTTP-01 proves no wildcard.")
    if not text.isascii():
        raise Refused(remedy="Write letters outside a-z in their `xn--` form.")
    labels = text.split(".")
    label = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    whole_name = len(text) <= 253 and len(labels) > 1 and not labels[-1].isdigit()
    if not whole_name or not all(fits(each, label, 63) for each in labels):
        raise ValueError
    return text


def _private_network(value: object) -> str:
    text = line(value)
    network = ipaddress.IPv4Network(text, strict=False)
    inside = any(network.subnet_of(private) for private in PRIVATE)
    if not inside or not 16 <= network.prefixlen <= 24:
        raise ValueError
    if text != str(network):
        raise Refused(remedy=f"The network that it is in is {network}.")
    return text


def _source(value: object) -> str:
    """Read a network, or one address as the network that holds it alone."""
    text = line(value)
    if "%" in text:  # a zone of an IPv6 address means nothing on another machine
        raise ValueError
    if "/" not in text:
        return str(ipaddress.ip_network(text))
    given = ipaddress.ip_interface(text)
    if given.ip != given.network.network_address:
        raise Refused(remedy=f"The network that it is in is {given.network}.")
    return str(given.network)


DOMAIN = Single(
    allowed="a host name such as shop.example.com",
    convert=_domain,
    remedy="Give the name as it stands in DNS.",
)
PRIVATE_NETWORK = Single(
    allowed="a private IPv4 network from /16 to /24 without host bits",
    convert=_private_network,
    remedy="For example 10.81.0.0/24.",
)
SSH_CIDRS = ListOf(
    of=Single(
        allowed="an address, or a network without host bits",
        convert=_source,
        remedy="For example 203.0.113.7/32.",
    ),
    allowed="a list of addresses and networks",
    remedy="For example [203.0.113.7/32].",
)
