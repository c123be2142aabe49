"""One HTTP request over urllib3, already pinned as boto3's own: bounded, verified, no retries."""

from __future__ import annotations

import functools
import json
import ssl
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError

from components.errors import UserError

TIMEOUT: Final = urllib3.Timeout(connect=10, read=30)
LOCAL: Final = {"localhost", "127.0.0.1", "::1"}


class NoAnswer(Exception):
    """No whole answer came. ``str()`` is why, in a few words."""

    def __init__(self, problem: BaseException) -> None:
        self.sent = not isinstance(problem, ConnectTimeoutError)
        """Whether the request may have arrived; without a connection it has not."""
        inner = problem.__cause__ or problem.__context__ or problem
        super().__init__(str(getattr(inner, "strerror", None) or inner))


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """By name in small letters."""
    data: bytes

    @property
    def message(self) -> str:
        """GitHub's own words, on one line; none where the answer has none."""
        try:
            document = json.loads(self.data)
        except ValueError:
            return ""
        text = str(document.get("message") or "") if isinstance(document, dict) else ""
        return "".join(character if character.isprintable() else " " for character in text)[:200]


def send(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], most_bytes: int
) -> Answer:
    """Send one request. Raises ``NoAnswer``, and ``UserError`` for an answer that is too large."""
    parts = urllib.parse.urlsplit(url)
    try:
        with _pool(parts.scheme, parts.netloc) as pool:
            answer = pool.request(
                method,
                url,
                body=body,
                headers=dict(headers),
                timeout=TIMEOUT,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            data = bytearray()
            for chunk in answer.stream(64 * 1024, decode_content=True):
                data += chunk
                if len(data) > most_bytes:
                    raise UserError(
                        f"{parts.path}: should be at most {most_bytes:,} bytes, got more"
                    )
    except (HTTPError, OSError) as problem:
        raise NoAnswer(problem) from problem
    return Answer(
        answer.status, {key.lower(): value for key, value in answer.headers.items()}, bytes(data)
    )


def _pool(scheme: str, host: str) -> urllib3.PoolManager:
    """Connections by way of the proxy that the environment names for this host, if any."""
    context = _authorities() if scheme == "https" else None
    proxy = urllib.request.getproxies().get(scheme)
    if proxy and not urllib.request.proxy_bypass(host):
        return urllib3.ProxyManager(proxy, ssl_context=context)
    return urllib3.PoolManager(ssl_context=context)


@functools.cache
def _authorities() -> ssl.SSLContext:
    """The machine's own, or those of ``SSL_CERT_FILE``; reading them takes 0.1 s."""
    return ssl.create_default_context()


def is_safe(url: str) -> bool:
    """Whether nobody between here and there can read along."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)
