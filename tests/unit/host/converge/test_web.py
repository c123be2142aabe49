"""Questions to the host itself, asked of a real server on the loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from components.host.agent import web


class Handler(BaseHTTPRequestHandler):
    asked: int = 0
    hosts: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        type(self).asked += 1
        self.hosts.append((self.headers["Host"], self.headers["X-Forwarded-Proto"]))
        code = {"/moved": 301, "/broken": 503}.get(self.path, 200)
        if self.path == "/late" and type(self).asked < 3:
            code = 503
        self.send_response(code)
        self.send_header("Location", "/fine")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Handler.asked, Handler.hosts = 0, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_answer_is_its_status_and_a_redirect_is_not_followed(url: str) -> None:
    assert web.answer(f"{url}/fine") == "200"
    assert web.answer(f"{url}/moved") == "301"
    assert web.answer(f"{url}/broken") == "503"


def test_a_site_with_a_name_is_asked_as_nginx_asks_for_it(url: str) -> None:
    web.answer(f"{url}/fine", "example.org")
    web.answer(f"{url}/fine")
    assert Handler.hosts == [("example.org", "https"), (url.removeprefix("http://"), None)]


def test_proxies_are_not_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert web.answer(f"{url}/fine") == "200"


def test_no_answer_is_told_in_words() -> None:
    assert web.answer("http://127.0.0.1:1/") == "Connection refused"


def test_waiting_ends_with_the_first_good_answer(url: str) -> None:
    assert web.wait([f"{url}/late", f"{url}/fine"], "", 30) == {}
    assert Handler.asked == 3


def test_waiting_in_vain_says_who_answered_what(url: str) -> None:
    assert web.wait([f"{url}/fine", f"{url}/broken"], "", 0) == {f"{url}/broken": "503"}


def test_waiting_ends_when_there_is_no_hope(url: str) -> None:
    assert web.wait([f"{url}/broken"], "", 3600, lambda: True) == {f"{url}/broken": "503"}
