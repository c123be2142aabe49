"""HTTP questions to this host itself: no proxy, no redirects, no surprises."""

from __future__ import annotations

import http.client
import time
import urllib.parse
from collections.abc import Callable

QUESTION_TIMEOUT_S = 10
PAUSE_S = 0.2


def answer(url: str, host_header: str = "") -> str:
    """Return ``200`` and the like, or the reason why there was no answer."""
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or "127.0.0.1"
    connection = http.client.HTTPConnection(host, parts.port, timeout=QUESTION_TIMEOUT_S)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        # As Nginx asks for a site with a name: an app that insists on HTTPS answers no other way.
        headers = {"Host": host_header, "X-Forwarded-Proto": "https"} if host_header else {}
        connection.request("GET", path, headers=headers)
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return getattr(error, "strerror", "") or str(error) or type(error).__name__
    finally:
        connection.close()


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
