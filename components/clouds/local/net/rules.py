"""The nftables table of a stack's network: where its static address leads, and who reaches whom."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from components.clouds.local.hosts import machine, seed

if TYPE_CHECKING:
    from components.clouds.local.net.bridge import Network

PREFIX = "stg"
"""First letters of every bridge made here."""
WEB = "{ 80, 443 }"
"""The ports of a static address; a host's SSH is for its own network and for the machine."""


def text(network: Network) -> str:
    """The whole table, for ``nft``'s standard input."""
    body = _body(network)
    return f"table inet {network.table} {{\n    {_version(body)} {{\n    }}\n{body}}}\n"


def version(network: Network) -> str:
    """An empty chain whose name carries a digest of all other lines.

    A table without it is that of another version of the project, or of another name server.
    """
    return _version(_body(network))


def _version(body: str) -> str:
    return f"chain version_{machine.digest(body)}"


def _body(network: Network) -> str:
    bridge, cidr, static = network.bridge, network.cidr, network.static_address
    # A host that knocks where it should not is answered at once; it would wait for its time-out.
    refuse = "reject with icmpx type admin-prohibited"
    outside = f'iifname "{bridge}" oifname != "{PREFIX}*"'
    names = ", ".join(_own_name_servers())
    dns = f"ip daddr {{ {names} }} meta l4proto {{ tcp, udp }} th dport 53 accept" if names else ""
    uplinks = ", ".join(f'"{name}"' for name in _uplinks() if name != bridge)
    inner = f"oifname != {{ {uplinks} }} " if uplinks else ""
    return f"""\
    map static {{
        type ipv4_addr : ipv4_addr
    }}
    # From the hosts and from outside the machine, and from the machine itself.
    chain prerouting {{
        type nat hook prerouting priority dstnat;
        tcp dport {WEB} dnat ip to ip daddr map @static
    }}
    chain output {{
        type nat hook output priority -100;
        dnat ip to ip daddr map @static
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat;
        # A host that asks for the static address must get its answer through the machine.
        ip saddr {cidr} ip daddr {cidr} ct status dnat masquerade
        ip saddr {cidr} oifname != "{bridge}" masquerade
    }}
    # A static address is not the machine's own address; of the machine itself, hosts reach its
    # name server where it is theirs.
    chain input {{
        type filter hook input priority filter;
        ip daddr {static} ct state new reject with icmp type host-unreachable
        iifname != "{bridge}" accept
        ct state established,related accept
        icmp type echo-request accept
        {dns}
        {refuse}
    }}
    # Out to anywhere but ports that the machine publishes for its containers, and its other
    # bridges; in, other stacks included, only through the static address.
    chain forward {{
        type filter hook forward priority filter;
        iifname "{bridge}" oifname "{bridge}" accept
        ct state established,related accept
        {outside} ct status dnat {refuse}
        {outside} meta oifkind "bridge" {inner}{refuse}
        oifname "{bridge}" ct status dnat tcp dport {WEB} accept
        oifname "{bridge}" drop
    }}
"""


def _own_name_servers() -> list[str]:
    """The hosts' name servers that the machine itself runs."""
    listed = json.loads(machine.run(["ip", "-json", "-4", "address", "show"]) or "[]")
    own = {address["local"] for link in listed for address in link.get("addr_info", [])}
    return [name for name in seed.nameservers() if name in own]


def _uplinks() -> list[str]:
    """The interfaces by which the machine reaches a gateway: one of them may be a bridge."""
    routes = json.loads(machine.run(["ip", "-json", "-4", "route", "show"]) or "[]")
    return sorted({route["dev"] for route in routes if "gateway" in route and "dev" in route})
