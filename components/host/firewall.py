"""The host's own firewall: nftables, in front of every service, on every cloud.

Closed to what comes in but SSH from the given networks, HTTP and HTTPS. Going out, the cloud's
metadata address answers root alone: it hands out user data and, on AWS, the role's credentials.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from components.host.model import HostFile, Part, Service
from components.host.rendering import render

PATH = "/etc/nftables.conf"
"""Where Debian's ``nftables.service`` looks."""

WEB_PORTS = (80, 443)
CONNECTIONS_PER_CLIENT = 2048
"""To the web from one address (IPv6: one /64). An office behind one address has six a browser; the
benchmarks of this project come with 1,500 users from one."""


def ruleset(ssh_cidrs: Sequence[str], web_ports: Sequence[int] = WEB_PORTS) -> str:
    """Return the whole rule set. No network in ``ssh_cidrs`` means no SSH from outside.

    It replaces only a table of its own, so other tables on the host (a VPN's) stay, and it may
    be loaded again at any time without a moment in which the host is open.
    """
    networks = [ipaddress.ip_network(cidr) for cidr in ssh_cidrs]
    return render(
        "base/nftables.conf.j2",
        ssh_ipv4=_ranges(networks, 4),
        ssh_ipv6=_ranges(networks, 6),
        web_ports=sorted(set(web_ports)),
        per_client=CONNECTIONS_PER_CLIENT,
    )


def firewall(*, ssh_cidrs: Sequence[str], web_ports: Sequence[int] = WEB_PORTS) -> Part:
    """Return the firewall as a converged file, so that changed settings reach a running host."""
    return Part(
        packages=("nftables",),
        files=(HostFile(path=PATH, content=ruleset(ssh_cidrs, web_ports), mode="0600"),),
        services=(
            Service(unit="nftables.service", reload_on=(PATH,), check=f"nft --check --file {PATH}"),
        ),
    )


def _ranges(
    networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network], version: int
) -> list[str]:
    """Return the networks of one IP version, without those that another one holds (nft refuses
    overlapping intervals in a set)."""
    if version == 4:
        v4 = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
        return [str(network) for network in ipaddress.collapse_addresses(v4)]
    v6 = [network for network in networks if isinstance(network, ipaddress.IPv6Network)]
    return [str(network) for network in ipaddress.collapse_addresses(v6)]
