"""Requests to DigitalOcean's API, with the token from the environment.

``DIGITALOCEAN_API_URL`` (the provider's own variable) points it elsewhere. The token goes over
TLS, or to this machine.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from components.errors import StepFailed, UserError

TOKEN = "DIGITALOCEAN_TOKEN"  # noqa: S105 - the name of a variable
URL = "DIGITALOCEAN_API_URL"
DEFAULT_URL = "https://api.digitalocean.com"
TIMEOUT_S = 20
PER_PAGE = 200
VERBS = {"GET": "read", "DELETE": "delete"}


class NotFound(StepFailed):
    """The API answers 404. Readable by itself where no caller expects it."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"DigitalOcean's API has nothing at {path} (404)",
            "Try again later; https://status.digitalocean.com says whether it has a problem.",
        )


class Unreachable(StepFailed):
    """No answer, or none that says anything."""


def token() -> str:
    """The token; raises ``UserError`` without one."""
    secret = os.environ.get(TOKEN, "").strip()
    if not secret:
        raise UserError(
            f"{TOKEN}: should be a token for DigitalOcean's API, got nothing",
            "Make one at https://cloud.digitalocean.com/account/api/tokens and `export` it; the"
            " scopes are in components/clouds/digitalocean/README.md.",
        )
    return secret


def get(path: str, **query: str) -> dict[str, Any]:
    """Ask for ``/v2/<path>``. Raises :class:`NotFound` or ``UserError``, never with the token."""
    answer = _request("GET", path, query)
    if not isinstance(answer, dict):
        raise Unreachable(f"DigitalOcean's API returned an unexpected response for {path}")
    return answer


def delete(path: str) -> None:
    """Delete ``/v2/<path>``; what is gone already is fine. Raises ``UserError``."""
    with suppress(NotFound):
        _request("DELETE", path, {})


def _request(method: str, path: str, query: dict[str, str]) -> Any:
    base = os.environ.get(URL, DEFAULT_URL).rstrip("/")
    where = urllib.parse.urlsplit(base)
    if where.scheme != "https" and where.hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise UserError(f"{URL}: should be a URL with https, got {base!r}")
    url = f"{base}/v2/{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        url,
        headers={"Authorization": f"Bearer {token()}", "Accept": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise NotFound(path) from None
        if error.code == 401:
            raise UserError(
                f"{TOKEN}: should be a token that DigitalOcean knows, got one that it refuses",
                "It may have expired: make a new one.",
            ) from None
        if error.code == 403:
            raise UserError(
                f"{TOKEN}: should be a token that may {VERBS[method]} {path.split('/')[0]}, got one"
                " that may not",
                "The scopes are in components/clouds/digitalocean/README.md.",
            ) from None
        raise Unreachable(
            f"DigitalOcean's API answers {error.code} for {path}", "Try again later."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise Unreachable(
            f"DigitalOcean's API does not answer ({reason})",
            "Is this machine connected?",
        ) from None


def every(path: str, key: str, **query: str) -> Iterator[dict[str, Any]]:
    """Everything under ``key`` of a list, page by page."""
    page = 1
    while True:
        answer = get(path, page=str(page), per_page=str(PER_PAGE), **query)
        yield from answer.get(key) or []
        if not ((answer.get("links") or {}).get("pages") or {}).get("next"):
            return
        page += 1
