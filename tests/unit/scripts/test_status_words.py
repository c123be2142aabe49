"""What ``make status`` says of what it found."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from components import outputs
from scripts.lib import status
from scripts.lib.status import Status, understand


class Answers(BaseHTTPRequestHandler):
    """Answers 200 on / and 502 elsewhere."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/" else 502)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_answer_counts_whatever_proxy_the_shell_has(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    found = status.look("s", {outputs.URL: f"{address}/"}, {"s-app": "running"})
    assert found.answer.startswith("200 in ")
    assert found.hosts == {"s-app": "running"}
    assert not found.healthy  # nobody could be asked about the host


def test_an_error_page_is_no_answer(address: str) -> None:
    found = status.look("s", {outputs.URL: f"{address}/x"}, {})
    assert found.answer == "502 Bad Gateway"


def test_what_the_host_says_of_itself() -> None:
    assert understand("running\n") == ("running", [])
    degraded = (
        "degraded\n● web@8001.service loaded failed failed The app\nx.service loaded failed\n"
    )
    assert understand(degraded) == ("degraded", ["web@8001.service", "x.service"])
    assert understand("\n") == ("gave no answer", [])


def test_in_words() -> None:
    assert Status("s").lines() == ["s: not up."]
    assert Status("s", busy="Stack s is being changed").lines() == [
        "s: not up.",
        "  Stack s is being changed",
    ]
    found = Status(
        "s",
        healthy=False,
        url="http://x",
        answer="502 Bad Gateway",
        revision="abc",
        hosts={"s-app": "running"},
        system="degraded",
        failed_units=["web@8001.service"],
    )
    assert found.lines() == [
        "s: NOT HEALTHY",
        "  http://x: 502 Bad Gateway",
        "  revision abc",
        "  host s-app: running",
        "  app server: degraded",
        "    failed: web@8001.service",
    ]
