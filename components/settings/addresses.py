"""The keys that hold names and addresses: the domain and its zone, the private network, where SSH
may come from."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final

from components.errors import UserError, invalid
from components.settings.kinds import ListOf, Secret, Single
from components.settings.problems import PREFIX, Refused
from components.settings.text import as_text, fits, line, pattern

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
    if "*" in as_text(value):
        raise Refused(remedy="Name one host: HTTP-01 proves no wildcard.")
    return _zone(value)


def _zone(value: object) -> str:
    """Read a name in DNS of two labels or more."""
    text = line(value).lower()
    if "/" in text:
        raise Refused(remedy="Leave out `https://` and everything after the name.")
    if not text.isascii():
        raise Refused(remedy="Write letters outside a-z in their `xn--` form.")
    labels = text.split(".")
    label = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    whole_name = len(text) <= 253 and len(labels) > 1 and not labels[-1].isdigit()
    if not whole_name or not all(fits(part, label, 63) for part in labels):
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


def outside(domain: str, zone: str) -> bool:
    """Tell whether a host name is not in a zone of DNS."""
    return domain != zone and not domain.endswith(f".{zone}")


def zone_problems(values: Mapping[str, object], domain: str | None, zone: str) -> list[UserError]:
    """What is wrong with a zone that stands beside no domain, or beside one of another zone."""
    path = f"{PREFIX}dns.zone"
    if "domain" not in values:
        return [
            UserError(
                f"{path}: should be set where the stack has a domain, got no {PREFIX}domain",
                f"Set {PREFIX}domain, or remove the line.",
            )
        ]
    if domain and outside(domain, zone):
        above = domain.partition(".")[2]
        zones = f"{domain} or what it ends with, such as {above}" if "." in above else domain
        return [invalid(path, zones, zone, ZONE.remedy)]
    return []


DOMAIN = Single(
    allowed="a host name such as shop.example.com",
    convert=_domain,
    remedy="Give the name as it stands in DNS.",
)
ZONE = Single(
    allowed="the name of a zone in DNS such as example.com",
    convert=_zone,
    remedy="Give the name as the cloud's DNS shows it.",
)
WEBHOOK = Secret(
    allowed="the https URL of a webhook",
    convert=pattern(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?", "", longest=2048).convert,
    remedy="Copy it from where it was made.",
)
IPV4 = Single(
    allowed="an IPv4 address",
    convert=lambda value: str(ipaddress.IPv4Address(line(value))),
    remedy="For example 203.0.113.7.",
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
