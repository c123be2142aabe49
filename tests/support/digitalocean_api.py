"""A stand-in for DigitalOcean's API: answers on this machine from a table, over real HTTP.

The shapes follow DigitalOcean's API reference. It shows what is asked and how answers are read,
not what DigitalOcean would say.
"""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "dop_v1_made_up"


@dataclass
class Api:
    """What the stand-in knows and what it was asked."""

    answers: dict[str, Any] = field(default_factory=dict)
    """By path without the query: a document (200), a list of pages, or a status code."""
    asked: list[str] = field(default_factory=list)
    """Path and query of every request."""
    deleted: list[str] = field(default_factory=list)
    """Path of every request to delete; none is refused."""
    url: str = ""

    def reply(self, target: str, authorization: str) -> tuple[int, Any]:
        self.asked.append(target)
        if authorization != f"Bearer {TOKEN}":
            return 401, {"id": "unauthorized", "message": "Unable to authenticate you"}
        url = urllib.parse.urlsplit(target)
        answer = self.answers.get(url.path, 404)
        if isinstance(answer, int):
            return answer, {"id": "error", "message": "made up"}
        if isinstance(answer, list):
            page = int(urllib.parse.parse_qs(url.query)["page"][0])
            more = {"pages": {"next": "there is more"}} if page < len(answer) else {}
            return 200, {**answer[page - 1], "links": more}
        return 200, answer


@contextmanager
def serve(answers: dict[str, Any]) -> Iterator[Api]:
    """Run the stand-in on a free port of this machine."""
    api = Api(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, document = api.reply(self.path, self.headers.get("Authorization", ""))
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_DELETE(self) -> None:
            api.deleted.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the tests read ``asked``."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
