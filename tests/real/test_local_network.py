"""The network of the local cloud: who reaches whom, and the address that moves."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.clouds.local.hosts import inventory, machine
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.net import bridge
from components.clouds.local.resources.address import AddressProvider
from components.clouds.local.resources.network import NetworkProvider
from components.clouds.local.resources.server import ServerProvider
from components.errors import UserError
from tests.real.local_stack import STACK, LocalStack, local_stack, shell

pytestmark = pytest.mark.real

SERVE = "systemd-run --quiet --unit=web --working-directory=/srv python3 -m http.server 80"


@pytest.fixture
def stack(local_root: Path) -> Iterator[LocalStack]:
    with local_stack() as made:
        yield made


def serve(host: Host, text: str) -> None:
    shell(host, f"echo {text} > /srv/index.html; {SERVE}")
    shell(host, "until ss -Hltn 'sport = :80' | grep -q .; do sleep 0.05; done")


def ask(address: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{address}/", timeout=3) as answer:
        return str(answer.read().decode().strip())


def reaches(host: Host, address: str, port: int) -> bool:
    probe = f"timeout 2 bash -c '</dev/tcp/{address}/{port}'"
    return host.run(["bash", "-c", probe]).returncode == 0


@contextmanager
def listening(family: socket.AddressFamily) -> Iterator[int]:
    """A service of the machine on every address that it has: its port."""
    with socket.create_server(("", 0), family=family) as service:
        yield int(service.getsockname()[1])


def addresses(*ip: str) -> list[str]:
    """Addresses of the machine, by what ``ip`` should list."""
    listed = json.loads(machine.run(["ip", "-json", *ip]))
    return [address["local"] for link in listed for address in link.get("addr_info", [])]


@dataclass
class World:
    """A network namespace behind a veth of the machine, with a server that tells who asked."""

    namespace: str
    address: str
    gateway: str

    def reaches(self, address: str, port: int) -> bool:
        probe = ["timeout", "2", "bash", "-c", f"</dev/tcp/{address}/{port}"]
        inside = ["ip", "netns", "exec", self.namespace, *probe]
        return subprocess.run(inside, check=False, capture_output=True).returncode == 0


ECHO = """
import socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + self.client_address[0].encode())
socketserver.TCPServer(("198.51.100.2", 80), Echo).serve_forever()
"""


@contextmanager
def world() -> Iterator[World]:
    name = f"w{os.getpid()}"
    here = World(name, "198.51.100.2", "198.51.100.1")
    steps = (
        f"netns add {name}",
        f"link add {name} type veth peer name inner netns {name}",
        f"address add {here.gateway}/30 dev {name}",
        f"link set {name} up",
        f"-n {name} address add {here.address}/30 dev inner",
        f"-n {name} link set inner up",
        f"-n {name} route add default via {here.gateway}",
    )
    try:
        for step in steps:
            subprocess.run(["ip", *step.split()], check=True)
        serving = subprocess.Popen(["ip", "netns", "exec", name, "python3", "-c", ECHO])
        try:
            machine.wait_until("the world", 10, lambda: _open(here.address) or None)
            yield here
        finally:
            serving.kill()
            serving.wait()
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def _open(address: str) -> bool:
    try:
        socket.create_connection((address, 80), timeout=1).close()
    except OSError:
        return False
    return True


def test_the_address_moves_without_a_lost_request(stack: LocalStack) -> None:
    first_id, first = stack.server()
    second_id, _ = stack.server(name="other")
    for server_id, text in ((first_id, "first"), (second_id, "second")):
        host = inventory.find(server_id)
        assert host is not None
        serve(host, text)
    address_id, outs = stack.address(first_id)
    assert ask(outs["address"]) == "first"
    answers: list[str] = []
    lost: list[Exception] = []
    enough = threading.Event()

    def keep_asking() -> None:
        while not enough.is_set():
            try:
                answers.append(ask(outs["address"]))
            except OSError as error:
                lost.append(error)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        for target in (second_id, first_id) * 10:
            news = {**outs, "server_id": target}
            AddressProvider().update(address_id, outs, news)
            wanted = "first" if target == first_id else "second"
            before = len(answers)
            while len(answers) < before + 5 and not lost:
                assert asking.is_alive()
            assert answers[-1] == wanted
        # The replaced server goes, and another one comes at its address.
        AddressProvider().update(address_id, outs, {**outs, "server_id": second_id})
        ServerProvider().delete(first_id, first)
        third_id, third = stack.server()
        assert third["private_address"] == first["private_address"]
        host = inventory.find(third_id)
        assert host is not None
        serve(host, "third")
        AddressProvider().update(address_id, outs, {**outs, "server_id": third_id})
        before = len(answers)
        while len(answers) < before + 20 and not lost:
            assert asking.is_alive()
    finally:
        enough.set()
        asking.join()
    assert lost == []
    assert answers[-1] == "third"


def test_the_bridge_keeps_its_mac_whatever_is_plugged_in(stack: LocalStack) -> None:
    """A changed one cost 28 s of lost requests: neighbours keep the old one in their ARP caches."""
    mac = Path(f"/sys/class/net/{stack.network.bridge}/address")
    assert mac.read_text().strip() == stack.network.mac
    server_id, server = stack.server()
    assert mac.read_text().strip() == stack.network.mac
    ServerProvider().delete(server_id, server)
    assert mac.read_text().strip() == stack.network.mac


def test_an_address_that_leads_nowhere_is_not_the_machine(stack: LocalStack) -> None:
    # The machine's own services listen on every address that it has, this one too.
    with socket.create_server(("", 0)) as service:
        port = service.getsockname()[1]
        with socket.create_connection((stack.network.gateway, port), timeout=3):
            pass
        with pytest.raises(OSError):
            socket.create_connection((stack.network.static_address, port), timeout=3)
    server_id, _ = stack.server()
    address_id, outs = stack.address(server_id)
    host = inventory.find(server_id)
    assert host is not None
    serve(host, "here")
    assert ask(outs["address"]) == "here"
    AddressProvider().delete(address_id, outs)
    with pytest.raises(OSError):
        ask(outs["address"])


def test_a_host_reaches_its_own_product_at_the_static_address(stack: LocalStack) -> None:
    server_id, _ = stack.server()
    host = inventory.find(server_id)
    assert host is not None
    serve(host, "mine")
    _, outs = stack.address(server_id)
    assert shell(host, f"curl -sf --max-time 3 http://{outs['address']}/") == "mine"


def test_hosts_get_out_and_other_stacks_do_not_get_in(stack: LocalStack) -> None:
    server_id, _ = stack.server()
    inside = inventory.find(server_id)
    assert inside is not None
    serve(inside, "product")
    stack.address(server_id)
    with local_stack(f"{STACK}b", "10.93.2.0/24") as other:
        stranger = other.host()
        assert not reaches(stranger, inside.spec().address, 80)
        assert reaches(stranger, stack.network.static_address, 80), "as from anywhere"
        for address in (inside.spec().address, stack.network.static_address):
            assert not reaches(stranger, address, 22)
            with socket.create_connection((address, 22), timeout=3):
                pass  # the operator, on the machine
        with listening(socket.AF_INET) as port, listening(socket.AF_INET6) as port6:
            (own6,) = addresses("-6", "address", "show", "dev", other.network.bridge)
            for address in addresses("-4", "address", "show", "scope", "global"):
                assert not reaches(stranger, address, port), address
            assert not reaches(stranger, f"{own6}%host0", port6)
    # A namespace behind another interface stands for the world: it sees the machine's address.
    with world() as outside:
        assert shell(inside, f"curl -sf --max-time 3 http://{outside.address}/") == outside.gateway
        assert not outside.reaches(inside.spec().address, 22)


def test_a_network_that_was_torn_down_is_seen_and_mended(stack: LocalStack) -> None:
    props = {"stack": STACK, "cidr": stack.cidr, "present": "yes"}
    server_id, _ = stack.server()
    address_id, address = stack.address(server_id)
    provider = NetworkProvider()
    subprocess.run(["nft", "delete", "table", "inet", stack.network.table], check=True)
    network = provider.read(stack.network_id, props).outs
    pointed = AddressProvider().read(address_id, address).outs
    assert network is not None and pointed is not None
    assert (network["present"], pointed["present"]) == ("no", "no")
    assert provider.diff(stack.network_id, network, {"stack": STACK, "cidr": stack.cidr}).changes
    provider.update(stack.network_id, network, {"stack": STACK, "cidr": stack.cidr})
    AddressProvider().update(address_id, pointed, address)
    assert bridge.pointed(stack.network) == stack.network.address(16)
    network = provider.read(stack.network_id, props).outs
    assert network is not None and network["present"] == "yes"


FORWARDING = """
import sys
from pathlib import Path
from components.clouds.local.net import bridge
bridge.REMEMBERED = Path(sys.argv[1])
one, two = bridge.of("one", "10.93.3.0/24"), bridge.of("two", "10.93.4.0/24")
said = []
def look():
    said.append(bridge.FORWARD.read_text().strip())
bridge.FORWARD.write_text("0")
look()
for step in (lambda: bridge.up(one), lambda: bridge.up(two), lambda: bridge.down(one)):
    step()
    look()
bridge.down(two)
look()
assert not bridge.REMEMBERED.exists()
bridge.FORWARD.write_text("1")
bridge.up(one)
bridge.down(one)
look()
print(*said)
"""


def test_the_last_network_takes_forwarding_back_where_it_was_off(local_root: Path) -> None:
    """In a network namespace of its own, since hosts of others may need forwarding."""
    inside = 'mount -t sysfs sysfs /sys; exec "$0" "$@"'
    argv = ["unshare", "--net", "--mount", "sh", "-euc", inside, sys.executable, "-c", FORWARDING]
    done = subprocess.run(
        [*argv, str(local_root / "remembered")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0", "1", "1", "1", "0", "1"]


@pytest.mark.parametrize(
    ("cidr", "by"),
    [
        ("{}128/25", "stack {}, "),
        ("127.9.0.0/24", "lo, 127.0.0.0/8"),
    ],
)
def test_a_range_in_use_is_refused(stack: LocalStack, cidr: str, by: str) -> None:
    cidr, by = cidr.format(stack.network.address(0)[:-1]), by.format(STACK)
    with pytest.raises(UserError) as refused:
        bridge.check_free(bridge.of(f"{STACK}b", cidr))
    wanted = "stages:network.cidr: should be a range that nothing on this machine uses, got "
    assert str(refused.value).startswith(f"{wanted}'{cidr}'. It is in use by {by}")


def test_the_range_of_a_stack_that_is_not_up_is_refused(stack: LocalStack) -> None:
    bridge.down(stack.network)  # as after the machine's boot
    with pytest.raises(UserError, match=f"in use by stack {STACK}, {stack.cidr}"):
        bridge.check_free(bridge.of(f"{STACK}b", stack.cidr))
    bridge.check_free(stack.network)
