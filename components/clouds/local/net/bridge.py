"""A stack's network on the machine: a bridge, and one nftables table with its addresses."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path

from components.clouds.local.hosts import machine
from components.clouds.local.net import iptables, rules
from components.errors import UserError, invalid

FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
REMEMBERED = Path("/run/stages-local-forwarding")
"""There while IPv4 forwarding is on because of us; gone after a boot, like the bridges."""


@dataclass(frozen=True, kw_only=True)
class Names:
    """What a stack's network is called on the machine, whatever its range is."""

    key: str
    """What the names are derived from: the stack's folder."""

    @property
    def bridge(self) -> str:
        return rules.PREFIX + machine.digest(self.key)

    @property
    def table(self) -> str:
        return f"stages_{machine.digest(self.key)}"


@dataclass(frozen=True, kw_only=True)
class Network(Names):
    """The network of one stack: addresses follow from its range."""

    cidr: str

    def address(self, number: int) -> str:
        """The address with this last number: 1 the machine, 10 static, 16-31 servers,
        64-79 databases, 80-95 buckets."""
        return str(ipaddress.ip_network(self.cidr)[number])

    @property
    def gateway(self) -> str:
        return self.address(1)

    @property
    def mac(self) -> str:
        """Of the bridge; locally administered."""
        digits = machine.digest(self.key, 10)
        return "02:" + ":".join(digits[i : i + 2] for i in range(0, 10, 2))

    @property
    def static_address(self) -> str:
        return self.address(10)

    @property
    def prefix(self) -> int:
        return ipaddress.ip_network(self.cidr).prefixlen


def of(stack: str, cidr: str) -> Network:
    return Network(key=str(machine.stack_folder(stack)), cidr=cidr)


def names_of(stack: str) -> Names:
    return Names(key=str(machine.stack_folder(stack)))


def up(network: Network) -> None:
    """Make bridge, addresses and firewall, or mend what is missing of them."""
    with machine.lock():
        make(network)


def make(network: Network) -> None:
    """What :func:`up` does; the caller holds the machine's lock."""
    check_free(network)
    if not exists(network):
        machine.run(["ip", "link", "add", network.bridge, "type", "bridge"])
    # A bridge's MAC follows its ports unless it is set; neighbours would keep a stale one.
    link = ["ip", "link", "set", network.bridge]
    machine.run([*link, "address", network.mac, "up"])
    for address in (f"{network.gateway}/{network.prefix}", f"{network.static_address}/32"):
        machine.run(["ip", "address", "replace", address, "dev", network.bridge])
    if not _has_rules(network):
        _replace_rules(network)
    iptables.open_for(network.bridge)
    _forward()


def down(network: Names) -> None:
    """Remove bridge and firewall; the last network that goes takes forwarding back."""
    with machine.lock():
        take_away(network)


def take_away(network: Names) -> None:
    """What :func:`down` does; the caller holds the machine's lock."""
    iptables.close(network.bridge)
    if table_exists(network):
        machine.run(["nft", "delete", "table", "inet", network.table])
    if exists(network):
        machine.run(["ip", "link", "delete", network.bridge])
    if REMEMBERED.exists() and not bridges():
        FORWARD.write_text("0\n")
        REMEMBERED.unlink()


def is_up(network: Network) -> bool:
    """Whether bridge, rules and forwarding are as this version of the project makes them."""
    forwards = FORWARD.read_text().strip() == "1"
    return exists(network) and forwards and _has_rules(network) and iptables.is_open(network.bridge)


def exists(network: Names) -> bool:
    return Path(f"/sys/class/net/{network.bridge}").exists()


def bridges() -> list[str]:
    """Every bridge on the machine that was made here, whichever root folder it belongs to."""
    every = (path.parent.name for path in Path("/sys/class/net").glob(f"{rules.PREFIX}*/bridge"))
    return sorted(every)


def noted(stack: str) -> Network | None:
    """The network that a stack which is up has, whether or not it is there now."""
    document = machine.read_json(machine.stack_folder(stack) / "network.json")
    return of(stack, document["cidr"]) if document else None


def note(network: Network, **fields: str) -> None:
    """Keep something about a network for as long as the stack is up."""
    file = Path(network.key) / "network.json"
    known = machine.read_json(file) or {}
    machine.write_json(file, {**known, "cidr": network.cidr, **fields})


def noted_server(stack: str) -> str:
    """The id of the server to which the static address leads; empty: it leads nowhere."""
    document = machine.read_json(machine.stack_folder(stack) / "network.json")
    return str((document or {}).get("server_id", ""))


def point(network: Network, server_address: str | None) -> None:
    """Send the static address to a server, in one transaction; ``None`` sends it nowhere."""
    steps = [f"flush map inet {network.table} static", *_element(network, server_address)]
    machine.run(["nft", "-f", "-"], stdin="\n".join(steps) + "\n")


def _element(network: Network, server_address: str | None) -> list[str]:
    if server_address is None:
        return []
    element = f"{{ {network.static_address} : {server_address} }}"
    return [f"add element inet {network.table} static {element}"]


def pointed(network: Network) -> str | None:
    """The server address that the static address leads to."""
    listed = machine.run(
        ["nft", "--json", "list", "map", "inet", network.table, "static"], check=False
    )
    if not listed:
        return None
    for item in json.loads(listed)["nftables"]:
        for pair in item.get("map", {}).get("elem", []):
            return str(pair[1])
    return None


def check_free(network: Network) -> None:
    """Refuse a range that something else on the machine uses: networks of other stacks, whether or
    not they are up, interfaces, and routes (a VPN's range is as taken as an interface's)."""
    wanted = ipaddress.ip_network(network.cidr)
    for noted in machine.root().glob("*/network.json"):
        cidr = (machine.read_json(noted) or {}).get("cidr", "")
        if str(noted.parent) != network.key and _overlap(cidr, wanted):
            raise _in_use(network, f"stack {noted.parent.name}, {cidr}")
    routes = machine.run(["ip", "-json", "-4", "route", "show", "table", "all"])
    for route in json.loads(routes or "[]"):
        destination = route.get("dst", "default")
        foreign = route.get("dev") != network.bridge and route.get("type") != "multicast"
        if foreign and destination != "default" and _overlap(destination, wanted):
            raise _in_use(network, f"{route.get('dev', 'a route')}, {destination}")


def _overlap(text: str, wanted: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return ipaddress.ip_network(text, strict=False).overlaps(wanted)


def _in_use(network: Network, by: str) -> UserError:
    return invalid(
        "stages:network.cidr",
        "a range that nothing on this machine uses",
        network.cidr,
        f"It is in use by {by}: choose another range",
    )


def table_exists(network: Names) -> bool:
    tables = machine.run(["nft", "list", "tables", "inet"])
    return f"table inet {network.table}\n" in tables


def _has_rules(network: Network) -> bool:
    listed = machine.run(["nft", "list", "table", "inet", network.table], check=False)
    return rules.version(network) in listed


def _replace_rules(network: Network) -> None:
    """Load the table, in one transaction; the static address leads where it led before."""
    steps = [f"delete table inet {network.table}"] if table_exists(network) else []
    steps.append(rules.text(network))
    steps += _element(network, pointed(network))
    machine.run(["nft", "-f", "-"], stdin="\n".join(steps) + "\n")


def _forward() -> None:
    if FORWARD.read_text().strip() != "1":
        REMEMBERED.touch()
        FORWARD.write_text("1\n")
