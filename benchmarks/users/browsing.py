"""Simulated users, run by Locust in its own environment: look at a page, think, look at the next.

The machine connects to the stack's address and asks for its domain, with TLS; the certificate of a
domain that leads nowhere is self-signed and is not checked. Every request is kept, also one without
an answer: at the end they are written as JSON lines of start (seconds since 1970), milliseconds,
and whether it was answered 2xx.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from pathlib import Path
from typing import Any

import gevent
import gevent.socket
import gevent.ssl
from locust import FastHttpUser, between, events, task

ADDRESS = os.environ["BENCH_ADDRESS"]
OUT = Path(os.environ["BENCH_OUT"])
THINK_S = (float(os.environ["BENCH_THINK_LEAST_S"]), float(os.environ["BENCH_THINK_MOST_S"]))
ids = itertools.count(random.SystemRandom().getrandbits(62))
asked: list[list[Any]] = []

_look_up = gevent.socket.getaddrinfo


def _only_the_stack(host: Any, port: Any, *more: Any, **named: Any) -> Any:
    """Every name leads to the stack: nothing else is ever asked."""
    return _look_up(ADDRESS, port, *more, **named)


gevent.socket.getaddrinfo = _only_the_stack


context = gevent.ssl.SSLContext(gevent.ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = gevent.ssl.CERT_NONE


def _one_for_all(**_: Any) -> Any:
    """One for all users: one each, with all public authorities, takes 50 ms of processor each."""
    return context


class Reader(FastHttpUser):  # type: ignore[misc]
    """Mostly looks at the page, which asks the database some ten times, writes and queues a job."""

    wait_time = between(*THINK_S)
    connection_timeout = network_timeout = 20.0
    ssl_context_factory = staticmethod(_one_for_all)

    def on_start(self) -> None:
        """Spread over the mean time of thinking, so that the rate is even from the start."""
        gevent.sleep(random.uniform(0, sum(THINK_S) / 2))  # noqa: S311

    @task(6)  # type: ignore[untyped-decorator]
    def page(self) -> None:
        self._ask("GET", "/")

    @task(2)  # type: ignore[untyped-decorator]
    def read(self) -> None:
        self._ask("GET", "/ledger")

    @task(2)  # type: ignore[untyped-decorator]
    def write(self) -> None:
        self._ask("POST", "/ledger", json={"id": next(ids)})

    def _ask(self, method: str, path: str, **more: Any) -> None:
        entry = [time.time(), None, False]
        asked.append(entry)
        began = time.perf_counter()
        response = self.client.request(method, path, **more)
        entry[1] = round((time.perf_counter() - began) * 1000, 2)
        entry[2] = 200 <= response.status_code < 300


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def _write(**_: Any) -> None:
    OUT.write_text("".join(json.dumps(entry) + "\n" for entry in asked))
