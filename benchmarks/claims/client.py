"""What the benchmark of the claims does on an app server, as user ``app``, with Debian's psycopg.

    python3 client.py open URL TIMES            seconds of each opened connection
    python3 client.py page URL QUERIES TIMES    seconds of each page of so many queries
    python3 client.py hold URL COUNT TABLES     holds connections, before and after they saw tables
    python3 client.py delay PORT HOST PORT MS   a proxy with that round trip, until its input ends

Answers are JSON, a line each. ``hold`` says the process ids of its servers, and goes on at each
line of its standard input.
"""

from __future__ import annotations

import json
import queue
import random
import socket
import sys
import threading
import time

ROWS = 100_000
"""Of ``pgbench_accounts`` at scale 1."""


def opened(url: str, times: int) -> list[float]:
    """Open and close connections, one after the other."""
    import psycopg  # type: ignore[import-not-found,unused-ignore]  # the host's own

    times_s = []
    for _ in range(times):
        began = time.perf_counter()
        with psycopg.connect(url):
            times_s.append(time.perf_counter() - began)
    return times_s


def pages(url: str, queries: int, times: int) -> list[float]:
    """Ask so many questions one after the other, on one connection, as a page with N+1 does."""
    import psycopg

    times_s = []
    with psycopg.connect(url, autocommit=True) as connection:
        for at in range(times + 3):
            began = time.perf_counter()
            for _ in range(queries):
                connection.execute(
                    "SELECT abalance FROM pgbench_accounts WHERE aid = %s",
                    [random.randint(1, ROWS)],  # noqa: S311 - which row is no secret
                ).fetchone()
            if at >= 3:  # the first ones open the server connection and prepare
                times_s.append(time.perf_counter() - began)
    return times_s


def hold(url: str, count: int, tables: int) -> None:
    """Hold connections; at a line of input each reads from every table, at the next all end."""
    import psycopg

    held = [psycopg.connect(url, autocommit=True) for _ in range(count)]
    _say([connection.info.backend_pid for connection in held])
    sys.stdin.readline()
    for connection in held:
        for table in range(1, tables + 1):
            connection.execute(f"SELECT * FROM touched_{table} WHERE id = 1")  # noqa: S608 - a number
    _say("touched")
    sys.stdin.readline()


def delay(port: int, to_host: str, to_port: int, round_trip_s: float) -> None:
    """Pass connections on: opening costs one round trip, and so does each answer to a question.

    Threads and not an event loop, whose clock counts in whole milliseconds.
    """
    server = socket.create_server(("127.0.0.1", port), backlog=128)
    _say("listening")

    def serve(client: socket.socket) -> None:
        time.sleep(round_trip_s)  # the handshake of TCP
        with client, socket.create_connection((to_host, to_port)) as upstream:
            for end in (client, upstream):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            late: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
            forward = threading.Thread(target=_pass, args=(client, upstream), daemon=True)
            back = threading.Thread(target=_late, args=(late, client), daemon=True)
            forward.start()
            back.start()
            data = b"."
            while data:
                data = _received(upstream)
                late.put((time.monotonic() + round_trip_s, data))
            back.join()

    def accept() -> None:
        while True:
            threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


def _received(source: socket.socket) -> bytes:
    """What came; nothing at the end, however it came."""
    try:
        return source.recv(65536)
    except OSError:
        return b""


def _pass(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := _received(source):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def _late(chunks: queue.SimpleQueue[tuple[float, bytes]], target: socket.socket) -> None:
    try:
        while True:
            due, data = chunks.get()
            if not data:
                return
            time.sleep(max(0.0, due - time.monotonic()))
            target.sendall(data)
    except OSError:
        return


def _say(what: object) -> None:
    print(json.dumps(what), flush=True)


def main(arguments: list[str]) -> None:
    """Do what the first one names."""
    what, *rest = arguments
    if what == "open":
        _say(opened(rest[0], int(rest[1])))
    elif what == "page":
        _say(pages(rest[0], int(rest[1]), int(rest[2])))
    elif what == "hold":
        hold(rest[0], int(rest[1]), int(rest[2]))
    else:
        delay(int(rest[0]), rest[1], int(rest[2]), float(rest[3]) / 1000)


if __name__ == "__main__":
    main(sys.argv[1:])
