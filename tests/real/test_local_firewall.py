"""The local cloud beside a firewall of the machine's own: Docker's, ufw's, nftables'.

Each test has a network namespace that plays the machine, two more that play hosts on the stack's
bridge, and one that plays the world behind the machine's uplink.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.clouds.local.net import bridge
from tests.support.namespaces import Namespace, cable, namespace

pytestmark = pytest.mark.real

STACK, CIDR = "walled", "10.93.7.0/24"
WORLD = "198.51.100.2"

DOCKER = """
iptables -P FORWARD DROP
iptables -N DOCKER-USER
iptables -A DOCKER-USER -j RETURN
iptables -A FORWARD -j DOCKER-USER
sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.ipv4.ip_forward=1
"""
"""What Docker leaves when it starts on a machine that did not forward."""
UFW = """
iptables -P FORWARD DROP
iptables -N ufw-before-forward
iptables -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A ufw-before-forward -p icmp --icmp-type echo-request -j ACCEPT
iptables -A FORWARD -j ufw-before-forward
sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.ipv4.ip_forward=1
"""
"""ufw's defaults for forwarded packets."""
NFTABLES = """
nft add table inet filter
nft "add chain inet filter forward { type filter hook forward priority filter; policy drop; }"
nft add rule inet filter forward ct state established,related accept
sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.ipv4.ip_forward=1
"""
"""A rule set of the administrator's own."""

CALL = """
import json, pathlib, sys
from components.clouds.local.account import passage
from components.clouds.local.hosts import seed
from components.clouds.local.net import bridge
bridge.REMEMBERED = pathlib.Path(sys.argv[1]) / "forwarding"
network = bridge.of({stack!r}, {cidr!r})
"""


@dataclass
class World:
    """The machine's namespace and those around it."""

    machine: Namespace
    first: Namespace
    second: Namespace
    outside: Namespace
    root: Path

    def call(self, expression: str) -> str:
        """Evaluate Python with ``network``, the stack's, on the machine."""
        program = CALL.format(stack=STACK, cidr=CIDR) + f"print({expression})"
        return self.machine.python(program, str(self.root), STAGES_LOCAL_ROOT=str(self.root))

    def preflight(self) -> list[str]:
        """What is said of the ways of packets, where the name server is in the world."""
        servers = f"setattr(seed, 'nameservers', lambda: [{WORLD!r}])"
        said = self.call(f"[{servers}, json.dumps([str(e) for e in passage.check(network)])][1]")
        return [str(error) for error in json.loads(said)]

    def everything(self) -> str:
        """All that a run could have left on the machine."""
        rules = "nft list ruleset | sed -E 's/packets [0-9]+ bytes [0-9]+//'"
        return self.machine.run(
            f"{rules}; ip -brief link; ip netns list | grep stg || true; sysctl net.ipv4.ip_forward"
        ).stdout

    @property
    def network(self) -> bridge.Network:
        return bridge.of(STACK, CIDR)

    def plug_in(self) -> None:
        """Give the stack its two hosts."""
        for host, number in ((self.first, 16), (self.second, 17)):
            cable(self.machine, host, address=f"{self.network.address(number)}/24")
            self.machine.run(f"ip link set {host.name} master {self.network.bridge}")
            host.run(f"ip route add default via {self.network.gateway}")

    def passes(self) -> tuple[bool, bool]:
        """Whether a packet comes from host to host, and from a host to the world and back."""
        with self.second.serving(self.network.address(17), 80), self.outside.serving(WORLD, 80):
            return self.first.reaches(self.network.address(17), 80), self.first.reaches(WORLD, 80)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("STAGES_LOCAL_ROOT", str(tmp_path))
    with ExitStack() as stack:
        made = [stack.enter_context(namespace(role)) for role in "mabw"]
        cable(made[0], made[3], address=f"{WORLD}/30", gateway="198.51.100.1")
        made[0].run("ip route add default via 198.51.100.2")
        yield World(made[0], made[1], made[2], made[3], tmp_path)


@pytest.mark.parametrize("firewall", [DOCKER, UFW], ids=["docker", "ufw"])
def test_a_stack_opens_its_bridge_and_closes_it_again(world: World, firewall: str) -> None:
    world.machine.run(firewall)
    before = world.machine.run("iptables-save | grep -v '^#\\|^:'; iptables -S").stdout
    world.call("bridge.up(network)")
    assert world.call("bridge.is_up(network)") == "True"
    world.call("bridge.up(network)")  # as often as one likes
    world.plug_in()
    assert world.passes() == (True, True)
    world.call("bridge.down(network)")
    assert world.machine.run("iptables-save | grep -v '^#\\|^:'; iptables -S").stdout == before
    assert world.machine.run("nft list tables").stdout.split() == ["table", "ip", "filter"]


def test_hosts_do_not_reach_what_the_machine_keeps_for_itself(world: World) -> None:
    """A service on all its addresses, a container's own port, and the port published for it."""
    world.machine.run(DOCKER)
    world.machine.run(
        "ip link add docker0 type bridge; ip address add 172.31.0.1/24 dev docker0;"
        "ip link set docker0 up;"
        "iptables -t nat -A PREROUTING -p tcp --dport 8080 -m addrtype --dst-type LOCAL"
        " -j DNAT --to-destination 172.31.0.2:80;"
        "iptables -A FORWARD -d 172.31.0.2 -p tcp --dport 80 -j ACCEPT;"
        "iptables -A FORWARD -s 172.31.0.2 -j ACCEPT"
    )
    with namespace("c") as container:
        cable(world.machine, container, address="172.31.0.2/24")
        container.run("ip route add default via 172.31.0.1")
        world.machine.run(f"ip link set {container.name} master docker0")
        world.call("bridge.up(network)")
        world.plug_in()
        gateway = world.network.gateway
        with container.serving("172.31.0.2", 80), world.machine.serving("", 5432):
            assert world.outside.reaches("198.51.100.1", 8080)
            for address, port in (
                ("198.51.100.1", 8080),
                (gateway, 8080),
                ("172.31.0.2", 80),
                (gateway, 5432),
                ("198.51.100.1", 5432),
            ):
                assert not world.first.reaches(address, port), (address, port)
        assert world.passes() == (True, True)


def test_hosts_reach_the_name_server_of_the_machine_where_it_is_theirs(world: World) -> None:
    world.machine.run("ip address add 10.93.8.1/32 dev lo")
    world.call("[setattr(seed, 'nameservers', lambda: ['10.93.8.1']), bridge.up(network)]")
    world.plug_in()
    with world.machine.serving("10.93.8.1", 53), world.machine.serving("", 54):
        assert world.first.reaches("10.93.8.1", 53)
        assert not world.first.reaches("10.93.8.1", 54)
    with world.machine.serving(world.network.gateway, 53):
        assert not world.first.reaches(world.network.gateway, 53)


def test_preflight_finds_nothing_where_the_stack_opens_its_bridge(world: World) -> None:
    world.machine.run(DOCKER)
    before = world.everything()
    with world.outside.serving(WORLD, 53, "udp"):
        assert world.preflight() == []
    assert world.everything() == before
    world.call("bridge.up(network)")
    assert world.preflight() == [], "of a network that is there"
    assert world.call("bridge.is_up(network)") == "True"


def test_preflight_names_what_is_in_the_way_and_its_remedy_helps(world: World) -> None:
    """A rule set of nftables, which no other table can open."""
    world.machine.run(NFTABLES)
    before = world.everything()
    with world.outside.serving(WORLD, 53, "udp"):
        (error,) = world.preflight()
        assert world.everything() == before
        assert error == (
            "Hosts of the stack need packets to pass from host to host and from a host to the name "
            f"server {WORLD}, and chain forward of nftables' table inet filter of this machine "
            'drops them. Let them pass: nft \'insert rule inet filter forward iifname "stg*" '
            'accept; insert rule inet filter forward oifname "stg*" accept\'. '
            "Add the rules to its file to keep them"
        )
        world.machine.run(error.partition("Let them pass: ")[2].partition(". Add")[0])
        assert world.preflight() == []


def test_preflight_names_a_direction_that_is_closed(world: World) -> None:
    """Before the packets come to FORWARD, by rules that are not for forwarded packets alone."""
    world.machine.run(f"iptables -t raw -A PREROUTING -i stg+ -d {WORLD} -j DROP")
    with world.outside.serving(WORLD, 53, "udp"):
        (error,) = world.preflight()
    assert error == (
        f"Hosts of the stack need packets to pass from a host to the name server {WORLD}, and a "
        "firewall of this machine drops them. Accept there what comes from and goes to the "
        f"interface {world.network.bridge}: `nft list ruleset` or `iptables-save` shows its rules"
    )
    assert world.preflight() == [], "the machine itself gets no answer: then nobody can tell"
