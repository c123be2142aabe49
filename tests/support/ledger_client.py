"""Writes ledger entries from the app server, and knows every one that was acknowledged.

Runs there as user ``app`` with Debian's psycopg: connections as the app's own, through PgBouncer's
socket, each kept and used again until it breaks. Each number is sent once, whatever comes of it,
and the table takes a number twice: what is in it twice was doubled on the way. Each tenth of a
second it says on a line what was acknowledged since, and when the client that has waited longest
was last answered; when its standard input ends, it says what went wrong. What it said counts
whatever becomes of it, its host included.

    python3 ledger_client.py CLIENTS FIRST_ID
"""

from __future__ import annotations

import json
import sys
import threading
import time

import psycopg  # type: ignore[import-not-found,unused-ignore]  # the host's own

URL = "postgresql://app@/app?host=/run/pgbouncer&port=6432&connect_timeout=5"
THINK_S = 0.05
END_S = 15
"""For the clients to end by themselves; who is still waiting then hangs."""
CREATE = "CREATE TABLE IF NOT EXISTS ledger (id bigint NOT NULL)"


class Client(threading.Thread):
    """One connection, one entry after the other."""

    def __init__(self, number: int, first: int) -> None:
        super().__init__(daemon=True)
        self.next = first + number * 1_000_000
        self.acknowledged: list[tuple[int, float]] = []
        self.reported = 0
        self.errors: list[str] = []
        self.stop = False

    @property
    def last_s(self) -> float:
        return self.acknowledged[-1][1] if self.acknowledged else 0.0

    def news(self) -> list[tuple[int, float]]:
        """What was acknowledged since it was asked last."""
        since, self.reported = self.reported, len(self.acknowledged)
        return self.acknowledged[since : self.reported]

    def run(self) -> None:
        while not self.stop:
            try:
                with psycopg.connect(URL, autocommit=True) as connection:
                    while not self.stop:
                        self._write(connection)
                        time.sleep(THINK_S)
            # psycopg takes one answer to one statement for granted: the server's last words and the
            # pooler's are two, and a ValueError.
            except (psycopg.Error, ValueError) as error:
                self.errors.append(" ".join(str(error).split()))
                time.sleep(THINK_S)

    def _write(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        number, self.next = self.next, self.next + 1
        connection.execute("INSERT INTO ledger VALUES (%s)", [number])
        self.acknowledged.append((number, time.time()))


def _make_table(ended: threading.Event) -> None:
    """As soon as the database is there."""
    while not ended.wait(THINK_S):
        try:
            with psycopg.connect(URL, autocommit=True) as connection:
                connection.execute(CREATE)
                return
        except psycopg.OperationalError:
            continue


def _listen(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def _say(running: list[Client]) -> None:
    oldest_s = min(client.last_s for client in running)
    print(
        json.dumps({"oldest": oldest_s, "new": [client.news() for client in running]}), flush=True
    )


def main(clients: int, first: int) -> None:
    ended = threading.Event()
    threading.Thread(target=_listen, args=(ended,), daemon=True).start()
    _make_table(ended)
    running = [Client(number, first) for number in range(clients)]
    for client in running:
        client.start()
    while not ended.wait(0.1):
        _say(running)
    for client in running:
        client.stop = True
    until = time.monotonic() + END_S
    for client in running:
        client.join(max(0.0, until - time.monotonic()))
    _say(running)
    summary = {
        "errors": sorted({error for client in running for error in client.errors}),
        "hung": sum(client.is_alive() for client in running),
    }
    print(json.dumps(summary), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
