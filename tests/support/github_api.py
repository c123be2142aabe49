"""A stand-in for the few calls of GitHub's REST API that are used: real HTTP on this machine.

It keeps comments, issues, pull requests and artifacts, and gives them out page by page. Troubles
are set by the test and happen once each. The shapes follow GitHub's reference of 2022-11-28.

What it does not prove: that GitHub answers in these shapes, limits in these ways and lets a
workflow's token do these things; who the author of a comment is (here whoever the test says); that
a change is seen by the next list at once; what GitHub makes of Markdown; TLS.
"""

from __future__ import annotations

import json
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "ghs_made_up"
REPOSITORY = "acme/shop"
BOT = "github-actions[bot]"
REPO = f"/repos/{REPOSITORY}"
HUNG_UP = -1
"""As a status: the connection ends without an answer."""


@dataclass
class Trouble:
    """What happens to the first request that fits."""

    method: str
    path: str
    """Below the repository; the whole of it."""
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "made up"
    after: bool = False
    """The request is done all the same; only its answer is lost."""
    meanwhile: Callable[[], None] = lambda: None
    """What someone else does just before."""


@dataclass
class Asked:
    """One request, as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    values: dict[str, Any]


@dataclass
class GitHub:
    """What there is, and what was asked."""

    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    """By number of a pull request."""
    issues: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[int, list[tuple[str, bytes]]] = field(default_factory=dict)
    """By run: name and archive."""
    troubles: list[Trouble] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    _last: int = 1000

    def comment(self, pull: int, body: str, login: str = BOT) -> dict[str, Any]:
        """Someone comments."""
        made = {"id": self._next(), "user": {"login": login}, "body": body}
        self.comments.setdefault(pull, []).append(made)
        return made

    def issue(self, body: str, login: str = BOT, **more: Any) -> dict[str, Any]:
        """Someone opens an issue."""
        made = {"number": self._next(), "user": {"login": login}, "body": body, "state": "open"}
        self.issues.append(made | more)
        return self.issues[-1]

    def pull(self, number: int, branch: str, commit: str, repository: str = REPOSITORY) -> None:
        """Someone opens a pull request; GitHub knows its comments from then on."""
        head = {"ref": branch, "sha": commit, "repo": {"full_name": repository}}
        self.pulls.append({"number": number, "state": "open", "head": head})
        self.comments.setdefault(number, [])

    def changes(self) -> list[tuple[str, str]]:
        """Method and path of every request that would change something."""
        return [(request.method, request.path) for request in self.asked if request.method != "GET"]

    def _next(self) -> int:
        self._last += 1
        return self._last

    def answer(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(asked)
        if match := re.fullmatch(r"/elsewhere/(\d+)/(\d+)", asked.path):
            return 200, {}, self.artifacts[int(match[1])][int(match[2])][1]
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return _json(401, {"message": "Bad credentials"})
        trouble = next((candidate for candidate in self.troubles if _fits(candidate, asked)), None)
        if trouble:
            self.troubles.remove(trouble)
            trouble.meanwhile()
            if trouble.after:
                self._do(asked)
            if trouble.status:
                status, headers, body = _json(trouble.status, {"message": trouble.message})
                return status, headers | trouble.headers, body
        return self._do(asked)

    def _do(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        path = asked.path.removeprefix(REPO)
        if match := re.fullmatch(r"/issues/(\d+)/comments", path):
            return self._comments(int(match[1]), asked)
        if match := re.fullmatch(r"/issues/comments/(\d+)", path):
            everything = [comment for comments in self.comments.values() for comment in comments]
            return _change(everything, "id", int(match[1]), asked.values)
        if path == "/issues":
            if asked.method == "POST":
                return _json(201, self.issue(asked.values["body"], title=asked.values["title"]))
            return _page([issue for issue in self.issues if issue["state"] == "open"], asked)
        if match := re.fullmatch(r"/issues/(\d+)", path):
            return _change(self.issues, "number", int(match[1]), asked.values)
        if path == "/pulls":
            return _page([pull for pull in self.pulls if _is_head(pull, asked.query)], asked)
        if match := re.fullmatch(r"/actions/runs/(\d+)/artifacts", path):
            run = int(match[1])
            names = [name for name, _ in self.artifacts.get(run, [])]
            items = [
                {"id": run * 1000 + at, "name": name, "expired": False}
                for at, name in enumerate(names)
            ]
            return _page(items, asked, key="artifacts")
        if match := re.fullmatch(r"/actions/artifacts/(\d+)/zip", path):
            run, at = divmod(int(match[1]), 1000)
            return 302, {"Location": f"{self.url}/elsewhere/{run}/{at}"}, b""
        return _json(404, {"message": "Not Found"})

    def _comments(self, pull: int, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        if pull not in self.comments:
            return _json(404, {"message": "Not Found"})
        if asked.method == "POST":
            return _json(201, self.comment(pull, asked.values["body"]))
        return _page(self.comments[pull], asked)


def _fits(trouble: Trouble, asked: Asked) -> bool:
    return trouble.method == asked.method and asked.path == f"{REPO}/{trouble.path}"


def _is_head(pull: dict[str, Any], query: dict[str, str]) -> bool:
    """GitHub's filter ``head=owner:branch``, which names no repository and no commit."""
    owner = pull["head"]["repo"]["full_name"].partition("/")[0]
    return pull["state"] == query["state"] and f"{owner}:{pull['head']['ref']}" == query["head"]


def _json(status: int, document: Any) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


def _change(
    things: list[dict[str, Any]], key: str, value: int, values: dict[str, Any]
) -> tuple[int, dict[str, str], bytes]:
    thing = next((thing for thing in things if thing[key] == value), None)
    if thing is None:
        return _json(404, {"message": "Not Found"})
    thing.update(values)
    return _json(200, thing)


def _page(
    items: list[dict[str, Any]], asked: Asked, key: str = ""
) -> tuple[int, dict[str, str], bytes]:
    """30 items unless asked for more, 100 at most; ``Link`` says whether there are others."""
    size = min(int(asked.query.get("per_page", 30)), 100)
    page = int(asked.query.get("page", 1))
    some = items[(page - 1) * size : page * size]
    status, headers, body = _json(200, {"total_count": len(items), key: some} if key else some)
    links = [f'<{asked.path}?page={page + 1}>; rel="next"'] if page * size < len(items) else []
    links += [f'<{asked.path}?page={page - 1}>; rel="prev"'] if page > 1 else []
    return status, headers | ({"Link": ", ".join(links)} if links else {}), body


@contextmanager
def serve() -> Iterator[GitHub]:
    """Run the stand-in on a free port of this machine."""
    github = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            query = dict(urllib.parse.parse_qsl(url.query))
            values = json.loads(raw) if raw else {}
            status, more, body = github.answer(
                Asked(self.command, url.path, query, headers, values)
            )
            if status == HUNG_UP:
                self.close_connection = True
                return
            self.send_response(status)
            for key, value in {**more, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = handle_any

        def log_message(self, *_: object) -> None:
            """Say nothing: the tests read ``asked``."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # The interval is how long `shutdown` takes, which is once a test.
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    github.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield github
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
