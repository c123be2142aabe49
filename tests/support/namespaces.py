"""Network namespaces with cables between them: a machine of its own for a test of firewalls.

The program under test runs inside the machine's namespace, so that nothing it does to a firewall
reaches the machine that runs the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


SERVERS = {
    "tcp": """
import socket, sys
listening = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    listening.accept()[0].close()
""",
    "udp": """
import socket, sys
listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listening.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    listening.sendto(*listening.recvfrom(512))
""",
}


@dataclass(frozen=True)
class Namespace:
    """A network namespace by its name."""

    name: str

    def run(
        self, script: str, *, check: bool = True, timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell script inside."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, "sh", "-euc", script],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
        assert not check or done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done

    def python(self, program: str, *arguments: str, **environment: str) -> str:
        """Run a Python program inside that may import the project, and return what it prints."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, sys.executable, "-c", program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=ROOT,
            env={**os.environ, **environment},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def serving(self, address: str, port: int, kind: str = "tcp") -> Iterator[None]:
        """Listen on a TCP port, or send back what comes to one of UDP, until the block ends."""
        argv = ["ip", "netns", "exec", self.name, sys.executable, "-c", SERVERS[kind]]
        with subprocess.Popen([*argv, address, str(port)], stdout=subprocess.PIPE) as server:
            try:
                assert server.stdout is not None
                assert server.stdout.readline() == b"ready\n"
                yield
            finally:
                server.kill()

    def reaches(self, address: str, port: int) -> bool:
        """Whether a TCP connection from here comes about within three seconds."""
        probe = f"timeout 3 bash -c '</dev/tcp/{address}/{port}'"
        return self.run(probe, check=False).returncode == 0


@contextmanager
def namespace(role: str) -> Iterator[Namespace]:
    """Make a namespace; whatever is in it goes with it."""
    made = Namespace(f"t{os.getpid()}{role}")
    subprocess.run(["ip", "netns", "add", made.name], check=True)
    try:
        made.run("ip link set lo up")
        yield made
    finally:
        subprocess.run(["ip", "netns", "delete", made.name], check=True)


def cable(machine: Namespace | None, other: Namespace, *, address: str, gateway: str = "") -> None:
    """Lay a cable from a machine to another namespace, which gets an address and a gateway.

    The machine's end is named after the other one; its address is the gateway, where that is given.
    ``None`` is the machine that runs the tests.
    """
    here = ["ip"] if machine is None else ["ip", "-netns", machine.name]

    def ip(*argv: str) -> None:
        subprocess.run([*here, *argv], check=True)

    ip("link", "add", other.name, "type", "veth", "peer", "name", "eth0", "netns", other.name)
    ip("link", "set", other.name, "up")
    if gateway:
        ip("address", "add", f"{gateway}/{address.split('/')[1]}", "dev", other.name)
    other.run(f"ip address add {address} dev eth0; ip link set eth0 up")
    if gateway:
        other.run(f"ip route add default via {gateway}")
