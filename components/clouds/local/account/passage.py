"""Whether packets pass from host to host and outward, tried before a stack comes up.

A firewall of the machine's own may drop what it should not, whatever the stack's rules say. Two
network namespaces take the place of two hosts on the stack's own bridge, which is made for the
moment where it is not there: one opens a TCP connection to the other, and asks a name server of the
machine, where the machine itself gets an answer from that. Costs a third of a second, leaves
nothing behind.
"""

from __future__ import annotations

import ctypes
import os
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from components.clouds.local.account import obstacles
from components.clouds.local.hosts import machine, seed
from components.clouds.local.net import bridge
from components.errors import UserError

TIMEOUT_S = 2.0
"""For an answer from the same machine, and for one from a name server that has just answered."""
NUMBERS = (2, 3)
"""Last numbers of the addresses of the two namespaces, which no host has."""
_CLONE_NEWNET = 0x40000000
NAMESPACES = Path("/run/netns")
GONE_S = 5
_QUESTION = bytes.fromhex("2a2a 0100 0001 0000 0000 0000 00 0002 0001")
"""Of DNS: the name servers of the root, recursion desired. Any resolver answers that."""


def check(network: bridge.Network) -> list[UserError]:
    """Try it; the errors name the direction and, where it can be told, the firewall.

    A stack's network that is there but damaged is not judged: ``make up`` repairs it first.
    """
    with machine.lock():
        is_there = bridge.exists(network)
        if is_there and not bridge.is_up(network):
            return []
        try:
            if not is_there:
                bridge.make(network)
            with _pair(network) as pair:
                closed = [what for what, open_ in _tries(network, pair) if not open_]
        finally:
            if not is_there:
                bridge.take_away(network)
    if not closed:
        return []
    return [obstacles.error(network.bridge, closed)]


@dataclass(frozen=True)
class _Pair:
    asking: str
    answering: str


def _tries(network: bridge.Network, pair: _Pair) -> Iterator[tuple[str, bool]]:
    yield "from host to host", _passes(pair, network.address(NUMBERS[1]))
    server = next((name for name in seed.nameservers() if _is_ipv4(name)), None)
    if server and _answers(None, server):
        yield f"from a host to the name server {server}", _answers(pair.asking, server)


def _passes(pair: _Pair, address: str) -> bool:
    with _socket(pair.answering) as listening, _socket(pair.asking) as asking:
        listening.bind((address, 0))
        listening.listen()
        asking.settimeout(TIMEOUT_S)
        with suppress(OSError):
            asking.connect(listening.getsockname())
            return True
    return False


def _answers(namespace: str | None, server: str) -> bool:
    """Whether a name server answers a question from a namespace, or from the machine itself."""
    with _socket(namespace, socket.SOCK_DGRAM) as asking, suppress(OSError):
        asking.connect((server, 53))
        for _ in range(2):  # a datagram may be lost without anybody's fault
            asking.send(_QUESTION)
            if select.select([asking], [], [], TIMEOUT_S / 2)[0]:
                return asking.recv(512)[:2] == _QUESTION[:2]
    return False


@contextmanager
def _pair(network: bridge.Network) -> Iterator[_Pair]:
    names = [f"{network.bridge}-{number}" for number in NUMBERS]
    try:
        for name, number in zip(names, NUMBERS, strict=True):
            _remove(name)  # of a run that was killed
            machine.run(["ip", "netns", "add", name])
            outside = f"link add {name} type veth peer name host0 netns {name}\n"
            outside += f"link set {name} master {network.bridge} up\n"
            address = f"{network.address(number)}/{network.prefix}"
            inside = f"address add {address} dev host0\nlink set host0 up\n"
            inside += f"route add default via {network.gateway}\n"
            machine.run(["ip", "-batch", "-"], stdin=outside)
            machine.run(["ip", "-netns", name, "-batch", "-"], stdin=inside)
        yield _Pair(*names)
    finally:
        for name in names:
            _remove(name)


def _remove(name: str) -> None:
    """Remove one namespace and its cable, at once: the kernel takes its time for that.

    A namespace that another process's mounts hold at that moment is refused, as busy.
    """
    machine.run(["ip", "link", "delete", name], check=False)

    def gone() -> bool:
        machine.run(["ip", "netns", "delete", name], check=False)
        return not (NAMESPACES / name).exists()

    machine.wait_until(f"the network namespace {name} to go", GONE_S, gone)


def _socket(namespace: str | None, kind: int = socket.SOCK_STREAM) -> socket.socket:
    """A socket of another network namespace: it stays there, whatever this thread does next."""
    if namespace is None:
        return socket.socket(socket.AF_INET, kind)
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    other = os.open(NAMESPACES / namespace, os.O_RDONLY)
    try:
        _enter(other)
        try:
            return socket.socket(socket.AF_INET, kind)
        finally:
            _enter(own)
    finally:
        os.close(own)
        os.close(other)


def _enter(namespace: int) -> None:
    """``setns(2)``; Python has it from 3.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _is_ipv4(address: str) -> bool:
    with suppress(OSError):
        socket.inet_pton(socket.AF_INET, address)
        return True
    return False
