"""What ``make status`` says of what it found."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from components import outputs
from scripts.lib import ssh, status
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


MEMBERS = [
    {"name": "shop", "role": "standby", "well": False, "lag_bytes": None},
    {"name": "shop-standby", "role": "primary", "well": True, "lag_bytes": None},
    {"name": "shop-replica-1", "role": "replica", "well": True, "lag_bytes": 512},
]


def test_members_and_replicas_are_told_and_one_that_is_not_well_counts(address: str) -> None:
    values = {outputs.URL: f"{address}/"}
    found = status.look("s", values, {}, databases=MEMBERS)
    found.replicas = status.lags("app_read_2\napp_read_1 512 3.2\n\n")
    assert found.as_json()["replicas"] == [
        {"alias": "app_read_1", "lag_bytes": 512, "lag_s": 3.2},
        {"alias": "app_read_2", "lag_bytes": None, "lag_s": None},
    ]
    assert found.lines()[-5:] == [
        "  database shop: standby, NOT WELL",
        "  database shop-standby: primary",
        "  database shop-replica-1: replica, 512 bytes behind",
        "  replica app_read_1: 512 bytes behind, last transaction 3.2 s ago",
        "  replica app_read_2: does not answer",
    ]


@pytest.mark.parametrize(
    ("members", "said", "healthy"),
    [
        (MEMBERS[1:], "running\n--- replicas\napp_read_1 512 3.2\n", True),
        (MEMBERS, "running\n--- replicas\n", False),
        (MEMBERS[1:], "running\n--- replicas\napp_read_1\n", False),
        (MEMBERS[1:], "degraded\nx.service loaded failed\n--- replicas\n", False),
    ],
)
def test_what_makes_a_stack_healthy(
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    members: list[dict[str, object]],
    said: str,
    healthy: bool,
) -> None:
    """The server's answer is put in for ssh's, which the tests on real hosts use."""
    answer = subprocess.CompletedProcess([], 0, said, "")
    monkeypatch.setattr(ssh, "run", lambda *_, **__: answer)
    values = {outputs.URL: f"{address}/", outputs.SSH_HOST: "10.0.0.1"}
    assert status.look("s", values, {}, databases=members).healthy is healthy
