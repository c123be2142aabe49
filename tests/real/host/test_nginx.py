"""What Nginx passes on: headers, retries and bodies, with web processes that misbehave."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.debian_tree import DebianTree

pytestmark = pytest.mark.real

WEB = """
import http.server, json, sys, threading
port, mood = int(sys.argv[1]), sys.argv[2]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        with open("/run/asked", "a") as asked:
            asked.write(f"{self.command} {port}\\n")
        if mood == "drops":
            self.close_connection = True
            return
        status = 502 if mood == "fails" else 200
        body = json.dumps({"port": port, "headers": dict(self.headers)}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def serve(tree: DebianTree, moods: dict[int, str], question: str) -> tuple[str, str, list[str]]:
    """Start web processes and Nginx, ask; return body, status and who was asked."""
    tree.must("cat > /srv/web.py", text=WEB)
    lines = [f"python3 /srv/web.py {port} {mood} &" for port, mood in moods.items()]
    lines += [f"until ss -Hltn | grep -q 127.0.0.1:{port}; do sleep 0.05; done" for port in moods]
    done = tree.must("\n".join([*lines, "nginx", question, "echo; cat /run/asked || true"]))
    body, _, rest = done.partition("\n@@")
    status, *asked = rest.split()
    return body, status, [" ".join(pair) for pair in zip(asked[::2], asked[1::2], strict=True)]


def ask(arguments: str) -> str:
    return f"curl -sS --noproxy '*' --max-time 10 -w '\\n@@%{{http_code}}' {arguments}"


def headers_of(body: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)["headers"]
    return found


def test_a_client_cannot_claim_an_address_or_a_protocol(single: DebianTree) -> None:
    lies = " ".join(
        f"-H '{name}: {value}'"
        for name, value in {
            "Host": "shop.example:8080",
            "X-Forwarded-For": "192.0.2.66",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "evil.example",
            "X-Real-IP": "192.0.2.66",
            "Forwarded": "for=192.0.2.66",
            "Proxy": "http://evil.example",
        }.items()
    )
    body, status, _ = serve(
        single, {8001: "works", 8002: "works"}, ask(f"{lies} http://127.0.0.1/")
    )
    got = headers_of(body)
    assert status == "200"
    assert got["Host"] == "shop.example:8080"
    assert got["X-Forwarded-For"] == "127.0.0.1"
    assert got["X-Real-IP"] == "127.0.0.1"
    assert got["X-Forwarded-Proto"] == "http"
    assert got["X-Forwarded-Host"] == "shop.example:8080"
    assert got["X-Forwarded-Port"] == "80"
    assert len(got["X-Request-ID"]) == 32
    assert not {"Forwarded", "Proxy"} & got.keys()


def test_a_read_goes_to_another_process_when_one_drops_it(single: DebianTree) -> None:
    first = "curl -sS --noproxy '*' -o /dev/null http://127.0.0.1/; "
    body, _, asked = serve(single, {8001: "drops", 8002: "works"}, first + ask("http://127.0.0.1/"))
    assert json.loads(body)["port"] == 8002
    assert "GET 8001" in asked


def test_what_may_change_something_is_never_sent_twice(single: DebianTree) -> None:
    body, status, asked = serve(
        single, {8001: "drops", 8002: "drops"}, ask("-d x=1 http://127.0.0.1/")
    )
    assert status == "503"
    assert "Back in a moment" in body
    assert len(asked) == 1


def test_the_apps_own_error_page_comes_through(single: DebianTree) -> None:
    body, status, _ = serve(single, {8001: "fails", 8002: "fails"}, ask("http://127.0.0.1/"))
    assert status == "502"
    assert json.loads(body)["port"] in {8001, 8002}


def test_too_large_a_body_is_refused_before_it_reaches_the_app(single: DebianTree) -> None:
    big = "head -c 21M /dev/zero > /run/big; " + ask("--data-binary @/run/big http://127.0.0.1/")
    _, status, asked = serve(single, {8001: "works"}, big)
    assert (status, asked) == ("413", [])


def test_a_certificate_authority_is_answered_by_nginx_itself(single: DebianTree) -> None:
    single.must("mkdir -p /var/lib/acme/.well-known/acme-challenge")
    single.write("/var/lib/acme/.well-known/acme-challenge/token", "proof")
    question = ask("http://127.0.0.1/.well-known/acme-challenge/token")
    body, status, asked = serve(single, {8001: "works"}, question)
    assert (body, status, asked) == ("proof", "200", [])
