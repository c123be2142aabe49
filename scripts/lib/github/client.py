"""GitHub's REST API for one repository: what is asked for, and asked for again within bounds.

The token comes from the environment and goes into one header: never into an argument, an address,
an error or a log. It goes over TLS, or to this machine.
"""

from __future__ import annotations

import json
import re
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from components.errors import StepFailed, UserError, invalid
from scripts.lib.github import transport, waiting
from scripts.lib.github.transport import Answer, NoAnswer

TOKEN: Final = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable
REPOSITORY: Final = "GITHUB_REPOSITORY"
API: Final = "GITHUB_API_URL"
DEFAULT_API: Final = "https://api.github.com"
VERSION: Final = "2022-11-28"
PER_PAGE: Final = 100
MOST_PAGES: Final = 100
MOST_BYTES: Final = 64 * 1024**2
"""Of one answer. A page of 100 comments of 65,536 characters, each of four bytes, has 26 MB."""
REDIRECTS: Final = {301, 302, 303, 307, 308}


class NotFound(Exception):
    """GitHub does not know what was asked for, or does not show it."""


class Uncertain(Exception):
    """Something was to be made, and nobody knows whether it was. ``str()`` says why."""


@dataclass(frozen=True, kw_only=True)
class Client:
    """Requests to one repository; paths are those below ``/repos/<repository>/``."""

    api: str
    repository: str
    token: str = field(repr=False)
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def every(self, path: str, key: str = "", **query: str) -> Iterator[dict[str, Any]]:
        """Everything in a list (below ``key``, if given), page by page."""
        for page in range(1, MOST_PAGES + 1):
            pages = urllib.parse.urlencode({**query, "per_page": PER_PAGE, "page": page})
            answer = self._repeat("GET", f"{path}?{pages}")
            document = self._document(answer, path)
            if key:
                document = document.get(key) if isinstance(document, dict) else None
            if not isinstance(document, list):
                raise _unexpected(path)
            yield from document
            if 'rel="next"' not in answer.headers.get("link", ""):
                return
        raise StepFailed(f"{path}: should have at most {MOST_PAGES} pages, got more")

    def change(self, path: str, **values: Any) -> Any:
        """Set values of what is there; doing it twice does no harm."""
        return self._document(self._repeat("PATCH", path, values), path)

    def make(self, path: str, **values: Any) -> Any:
        """Make something. Raises ``Uncertain`` where doing it again might make a second one."""
        return self._document(self._repeat("POST", path, values), path)

    def download(self, path: str, most_bytes: int) -> bytes:
        """A file that GitHub keeps elsewhere; the token does not go there."""
        answer = self._repeat("GET", path, redirects=True)
        where = urllib.parse.urljoin(f"{self.api}/", answer.headers.get("location", ""))
        if answer.status not in REDIRECTS or not transport.is_safe(where):
            raise _unexpected(path)
        return self._repeat("GET", path, elsewhere=where, most_bytes=most_bytes).data

    def _repeat(
        self,
        method: str,
        path: str,
        values: Mapping[str, Any] | None = None,
        *,
        elsewhere: str = "",
        redirects: bool = False,
        most_bytes: int = MOST_BYTES,
    ) -> Answer:
        """One request, again as often and as late as ``waiting`` allows.

        Raises ``NotFound``, ``Uncertain``, or ``UserError`` with what GitHub said last.
        """
        url = elsewhere or f"{self.api}/repos/{self.repository}/{path}"
        body = None if values is None else json.dumps(values).encode()
        headers = {} if elsewhere else self._headers
        waits = waiting.Waits()
        while True:
            try:
                answer = transport.send(method, url, body, headers, most_bytes)
            except NoAnswer as problem:
                failure, done = _unreached(url, problem), problem.sent
                wait_s = waits.broken()
            else:
                if answer.status < 300 or (redirects and answer.status in REDIRECTS):
                    return answer
                if waiting.limited(answer.status, answer.headers, answer.message):
                    wait_s = waits.limited(answer.headers, self.now())
                    failure, done = _rate_limited(waiting.reset(answer.headers, self.now())), False
                elif answer.status in waiting.BROKEN:
                    failure, done = _refused(path, answer), True
                    wait_s = waits.broken()
                else:
                    raise NotFound(path) if answer.status == 404 else _refused(path, answer)
            if done and method == "POST":
                raise Uncertain(failure.problem)
            if wait_s is None:
                raise failure
            self.pause(wait_s)

    @property
    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": VERSION,
            "User-Agent": "stages",
        }

    def _document(self, answer: Answer, path: str) -> Any:
        try:
            return json.loads(answer.data)
        except ValueError:
            raise _unexpected(path) from None


def from_environment(environment: Mapping[str, str]) -> Client:
    """The client for the repository that a workflow runs in; raises ``UserError`` for a lack."""
    api = environment.get(API, "").rstrip("/") or DEFAULT_API
    if not transport.is_safe(api):
        raise invalid(API, "a URL with https", api)
    repository = environment.get(REPOSITORY, "")
    if not re.fullmatch(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", repository, re.ASCII):
        raise invalid(REPOSITORY, "owner/name of a repository on GitHub", repository)
    token = environment.get(TOKEN, "").strip()
    if not re.fullmatch(r"[!-~]+", token):
        got = "one with characters that no token has" if token else "nothing"
        raise UserError(
            f"{TOKEN}: should be a token for GitHub's API, got {got}",
            "In a workflow: `env: GITHUB_TOKEN: ${{ github.token }}`.",
        )
    return Client(api=api, repository=repository, token=token)


def _unreached(url: str, problem: NoAnswer) -> UserError:
    where = urllib.parse.urlsplit(url).netloc
    return StepFailed(
        f"GitHub's API at {where} does not answer ({problem})",
        "Is this machine connected?",
    )


def _rate_limited(reset: datetime | None) -> UserError:
    when = f"; it resets at {reset:%H:%M} UTC" if reset else ""
    return StepFailed(f"GitHub rate limit exceeded{when}", "Run the job again later.")


def _unexpected(path: str) -> UserError:
    return StepFailed(f"GitHub's API returned an unexpected response for {path}")


def _refused(path: str, answer: Answer) -> UserError:
    reason = f" ({answer.message})" if answer.message else ""
    if answer.status == 401:
        return UserError(
            f"{TOKEN}: should be a token that GitHub knows, got one that it refuses{reason}",
            "It may have expired: run the job again.",
        )
    if answer.status == 403:
        return UserError(
            f"{TOKEN}: should be a token that may use {path}, got one that may not{reason}",
            "The job's `permissions` say what it may do; docs/ci.md names them.",
        )
    return StepFailed(f"GitHub's API answers {answer.status} for {path}{reason}")
