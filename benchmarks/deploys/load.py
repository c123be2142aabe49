"""Requests at a steady rate, over connections that stay, as browsers' do."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

TIMEOUT_S = 30


@dataclass(frozen=True)
class Request:
    """When it began, how long it took, and what went wrong (empty: nothing)."""

    at: float
    took_s: float
    problem: str


@dataclass
class Load:
    """What the clients saw."""

    began: float
    requests: list[Request] = field(default_factory=list)

    def failed(self) -> list[str]:
        return [request.problem for request in self.requests if request.problem]


@contextmanager
def load(url: str, *, per_second: float, clients: int = 10, most_s: float = 900) -> Iterator[Load]:
    """Ask a URL until the block ends, or after ``most_s``."""
    began, end = time.monotonic(), threading.Event()
    seen = Load(began)
    pause = clients / per_second

    def ask(number: int) -> None:
        parts = urllib.parse.urlsplit(url)
        link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        due = began + pause * number / clients
        while time.monotonic() < began + most_s and not end.wait(max(0, due - time.monotonic())):
            at, problem = time.monotonic(), ""
            try:
                link.request("GET", parts.path or "/")
                answer = link.getresponse()
                answer.read()
                problem = "" if answer.status == 200 else str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                problem = type(error).__name__
                link.close()
            seen.requests.append(Request(at, time.monotonic() - at, problem))
            due = max(due + pause, time.monotonic() - pause)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        end.set()
        for thread in threads:
            thread.join()
