"""HTTP questions to this host itself: no proxy, no redirects, no surprises."""

from __future__ import annotations

import http.client
import json
import socket
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

QUESTION_TIMEOUT_S = 10
PAUSE_S = 0.2
CONFIG = Path("/etc/stages/web.json")
"""``host`` is what users open, ``https`` whether they come that way; more for the web's gate."""


def socket_of(port: int) -> Path:
    """Where the web process of a port listens if it prefers a socket: its ``$WEB_SOCKET``."""
    return Path(f"/run/web-{port}/socket")


class _Connection(http.client.HTTPConnection):
    """To the socket of a web process where it has one, else to its port."""

    def connect(self) -> None:
        path = socket_of(self.port or 80)
        if not path.is_socket():
            super().connect()
            return
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(path))


def answer(url: str, host_header: str = "") -> str:
    """Return ``200`` and the like, or the reason why there was no answer.

    As Nginx asks: an app that insists on its name, or on HTTPS, answers no other question.
    """
    parts = urllib.parse.urlsplit(url)
    connection = _Connection(parts.hostname or "127.0.0.1", parts.port, timeout=QUESTION_TIMEOUT_S)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET", path, headers=_headers(host_header))
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return getattr(error, "strerror", "") or str(error) or type(error).__name__
    finally:
        connection.close()


def _headers(host_header: str) -> dict[str, str]:
    users: dict[str, Any] = json.loads(CONFIG.read_text()) if CONFIG.exists() else {}
    host = host_header or users.get("host", "")
    https = bool(host_header) or users.get("https", False)
    if not host:
        return {}
    return {"Host": host, **({"X-Forwarded-Proto": "https" if https else "http"})}


def wait(
    urls: list[str], host_header: str, timeout_s: float, hopeless: Callable[[], bool] | None = None
) -> dict[str, str]:
    """Wait until every URL answers 2xx; return those that did not, with what they answered.

    ``hopeless`` ends the wait early, when what should answer has been given up.
    """
    deadline = time.monotonic() + timeout_s
    open_urls = list(urls)
    while True:
        answers = {url: answer(url, host_header) for url in open_urls}
        open_urls = [url for url in open_urls if not answers[url].startswith("2")]
        if not open_urls:
            return {}
        if time.monotonic() > deadline or (hopeless is not None and hopeless()):
            return {url: answers[url] for url in open_urls}
        time.sleep(PAUSE_S)
