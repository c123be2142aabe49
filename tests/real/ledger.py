"""The ledger client on an app server, seen from the tests."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from components.clouds.local.nspawn import Host
from tests.real.waiting import until

CLIENT = Path(__file__).with_name("ledger_client.py")
PLACE = "/tmp/ledger_client.py"
CLIENTS = 50
_RUNS = itertools.count(1)


@dataclass
class Ledger:
    """A run of the client. After its end: what it knows."""

    oldest_s: float = 0.0
    """When the client that has waited longest was last answered, in seconds since 1970."""
    clients: list[list[tuple[int, float]]] = field(default_factory=list)
    """Of each client: number and time of every entry that was acknowledged."""
    errors: list[str] = field(default_factory=list)
    hung: int = -1

    @property
    def acknowledged(self) -> set[int]:
        return {number for client in self.clients for number, _ in client}

    def wait_for_all(self, after_s: float, timeout_s: float) -> None:
        """Until every client has been answered after a moment."""
        until("every client to be answered", lambda: self.oldest_s > after_s, timeout_s)

    def back_after_s(self, moment_s: float) -> float:
        """How long after a moment the last of the clients got its first answer."""
        firsts = [min(at for _, at in one if at > moment_s) for one in self.clients]
        return max(firsts) - moment_s


@contextmanager
def ledger(app: Host, clients: int = CLIENTS) -> Iterator[Ledger]:
    """Write from an app server meanwhile; every client has been answered once at the start."""
    app.put(PLACE, CLIENT.read_text())
    leader = app.leader()
    assert leader is not None
    enter = ["nsenter", "--target", str(leader.pid), "--all", "--wdns=/", "--"]
    argv = ["python3", PLACE, str(clients), str(next(_RUNS) * 1_000_000_000)]
    run = subprocess.Popen(
        [*enter, "runuser", "-u", "app", "--", *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdin is not None and run.stdout is not None
    seen = Ledger()

    def read(lines: Iterator[str]) -> None:
        for line in lines:
            said = json.loads(line)
            if "oldest" in said:
                seen.oldest_s = said["oldest"]
            else:
                seen.clients, seen.errors, seen.hung = said["clients"], said["errors"], said["hung"]

    reader = threading.Thread(target=read, args=(iter(run.stdout),))
    reader.start()
    try:
        seen.wait_for_all(0, 30)
        yield seen
    finally:
        run.stdin.close()
        try:
            run.wait(timeout=60)
        finally:
            run.kill()
            reader.join()
