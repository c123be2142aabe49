"""Somebody else's machine: a network namespace on the internet, or on a stack's private network."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

SCAN = """
import json, select, socket, struct, sys, time
own, *targets = sys.argv[1:]
found = {target: {"open": [], "refused": []} for target in targets}
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE

def hear(timeout):
    while select.select([raw], [], [], timeout)[0]:
        packet = raw.recv(200)
        segment = packet[(packet[0] & 15) * 4:]
        port, to, flags = *struct.unpack("!HH", segment[:4]), segment[13]
        what = "open" if flags & 18 == 18 else "refused" if flags & 4 else ""
        if to == 40000 and what:
            found[socket.inet_ntoa(packet[12:16])][what].append(port)

def ask(target, port):
    header = struct.pack("!HHIIBBHHH", 40000, port, 7, 0, 80, 2, 1024, 0, 0)
    whole = socket.inet_aton(own) + socket.inet_aton(target) + struct.pack("!HH", 6, 20) + header
    total = sum(struct.unpack("!16H", whole))
    total = (total & 65535) + (total >> 16)
    total = (total & 65535) + (total >> 16)
    raw.sendto(header[:16] + struct.pack("!H", ~total & 65535) + header[18:], (target, 0))

for again in range(2):  # what is lost once is heard the second time
    for target in targets:
        for port in range(1, 65536):
            ask(target, port)
            if port % 64 == 0:
                hear(0)
    hear(1)
print(json.dumps(found))
"""
"""Asks every TCP port of every target for a connection, and lists those that gave any answer."""


@dataclass(frozen=True)
class Attacker:
    """A namespace with one address."""

    namespace: str
    address: str

    def run(self, *argv: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a program there."""
        return subprocess.run(
            ["ip", "netns", "exec", self.namespace, *argv],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )

    def scan(self, targets: Sequence[str]) -> dict[str, dict[str, set[int]]]:
        """Which of all TCP ports of each target answer: ``open``, or ``refused`` with a reset."""
        done = self.run("python3", "-c", SCAN, self.address, *targets)
        assert done.returncode == 0, done.stderr
        return {
            target: {what: set(ports) for what, ports in answers.items()}
            for target, answers in json.loads(done.stdout).items()
        }


@contextmanager
def attacker(
    address: str, prefix: int, *, gateway: str = "", bridge: str = ""
) -> Iterator[Attacker]:
    """Make a namespace with a cable: into a bridge, or to the machine as its gateway."""
    name = f"a{os.getpid()}"
    here = Attacker(name, address)
    outside = (
        f"link set {name} master {bridge}" if bridge else f"address add {gateway}/30 dev {name}"
    )
    steps = [
        f"netns add {name}",
        f"link add {name} type veth peer name inner netns {name}",
        outside,
        f"link set {name} up",
        f"-n {name} address add {address}/{prefix} dev inner",
        f"-n {name} link set inner up",
    ]
    steps += [f"-n {name} route add default via {gateway}"] if gateway else []
    try:
        for step in steps:
            subprocess.run(["ip", *step.split()], check=True)
        yield here
    finally:
        # The cable goes with its namespace, but some time later: the next one has the same name.
        subprocess.run(["ip", "link", "delete", name], check=False)
        subprocess.run(["ip", "netns", "delete", name], check=True)
