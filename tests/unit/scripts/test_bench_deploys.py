"""The benchmark of deploys: what its clients count, and the percentile of a span."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from benchmarks.deploys import p99_ms
from benchmarks.deploys.load import Load, Request, load
from tests.support.waiting import until


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: Iterator[int] = iter(())

    def do_GET(self) -> None:
        self.send_response(next(type(self).answers, 200))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_each_request_that_is_not_answered_well_is_counted() -> None:
    Handler.answers = iter((200, 503, 200))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        with load(url, per_second=200, clients=1) as seen:
            until("some requests", lambda: len(seen.requests) > 5)
        server.shutdown()
        thread.join()
    assert seen.failed() == ["503"]
    with load(url, per_second=200, clients=1) as nobody:
        until("a request", lambda: len(nobody.requests) > 0)
    assert set(nobody.failed()) == {"ConnectionRefusedError"}


def test_the_percentile_is_of_the_requests_that_began_in_the_span() -> None:
    seen = Load(0.0, [Request(at, at / 1000, "") for at in range(1, 201)])
    assert p99_ms(seen, 1, 100) == 100
    assert p99_ms(seen, 101, 200) == 200
