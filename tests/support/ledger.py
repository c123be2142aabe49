"""The ledger client on an app server, seen from the tests."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from components.clouds.local.hosts.nspawn import Host
from tests.support.waiting import until

CLIENT = Path(__file__).with_name("ledger_client.py")
PLACE = "/tmp/ledger_client.py"
CLIENTS = 50
A_RUN = 1_000_000_000
_RUNS = itertools.count(1)


@dataclass
class Ledger:
    """A run of the client: what it knows, as it says it."""

    first: int
    """The lowest of the numbers that it writes; a run has ``A_RUN`` of them."""
    oldest_s: float = 0.0
    """When the client that has waited longest was last answered, in seconds since 1970."""
    clients: list[list[tuple[int, float]]] = field(default_factory=list)
    """Of each client: number and time of every entry that was acknowledged."""
    errors: list[str] = field(default_factory=list)
    """After its end, as is ``hung``."""
    hung: int = -1
    """How many clients still waited for an answer; -1 for a run that did not live to say it."""

    @property
    def acknowledged(self) -> set[int]:
        return {number for client in self.clients for number, _ in client}

    def stored(self, rows: str) -> Counter[int]:
        """How often each number of this run is in the table, from one number a line."""
        numbers = (int(row) for row in rows.split())
        return Counter(number for number in numbers if self.first <= number < self.first + A_RUN)

    def wait_for_all(self, after_s: float, timeout_s: float) -> None:
        """Until every client has been answered after a moment."""
        until("every client to be answered", lambda: self.oldest_s > after_s, timeout_s)

    def back_after_s(self, moment_s: float) -> float:
        """How long after a moment the last of the clients got its first answer."""
        firsts = [min(at for _, at in client if at > moment_s) for client in self.clients]
        return max(firsts) - moment_s


@contextmanager
def ledger(app: Host, clients: int = CLIENTS, *, answered: bool = True) -> Iterator[Ledger]:
    """Write from an app server meanwhile; every client has been answered once at the start, unless
    the database may not be there yet (``answered``)."""
    app.put(PLACE, CLIENT.read_text())
    leader = app.leader()
    assert leader is not None
    enter = ["nsenter", "--target", str(leader.pid), "--all", "--wdns=/", "--"]
    first = next(_RUNS) * A_RUN
    argv = ["python3", PLACE, str(clients), str(first)]
    run = subprocess.Popen(
        [*enter, "runuser", "-u", "app", "--", *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdin is not None and run.stdout is not None
    seen = Ledger(first, clients=[[] for _ in range(clients)])

    def read(lines: Iterator[str]) -> None:
        for line in lines:
            if not line.endswith("\n"):
                return  # cut off with its host
            message = json.loads(line)
            if "oldest" in message:
                for client, new in zip(seen.clients, message["new"], strict=True):
                    client += [(number, at) for number, at in new]
                seen.oldest_s = message["oldest"]
            else:
                seen.errors, seen.hung = message["errors"], message["hung"]

    reader = threading.Thread(target=read, args=(iter(run.stdout),))
    reader.start()
    try:
        if answered:
            seen.wait_for_all(0, 30)
        yield seen
    finally:
        with suppress(BrokenPipeError):  # its host was killed
            run.stdin.close()
        try:
            run.wait(timeout=60)
        finally:
            run.kill()
            reader.join()
