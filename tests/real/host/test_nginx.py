"""What Nginx passes on: headers, retries and bodies, with web processes that misbehave."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from components.host import nginx, rendering
from components.host.agent import promotion_tunnel
from tests.support.debian_tree import DebianTree

pytestmark = pytest.mark.real

BLANKED = re.findall('proxy_set_header (.*) "";', rendering.plain("nginx/blanked-headers.conf"))
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
        status = {"fails": 502, "old": 404}.get(mood, 200)
        body = json.dumps({"port": port, "headers": dict(self.headers)}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if mood == "wide":
            for number in range(4):
                self.send_header("Set-Cookie", f"c{number}={'x' * 3600}")
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def serve(tree: DebianTree, moods: dict[int, str], question: str) -> tuple[str, str, list[str]]:
    """Start web processes and Nginx, ask; return body, status and who was asked."""
    tree.must("cat > /srv/web.py", text=WEB)
    lines = ["ulimit -n 65536"]  # As LimitNOFILE of the unit.
    lines += [f"python3 /srv/web.py {port} {mood} &" for port, mood in moods.items()]
    lines += [f"until ss -Hltn | grep -q 127.0.0.1:{port}; do sleep 0.05; done" for port in moods]
    done = tree.must("\n".join([*lines, "nginx", question, "echo; cat /run/asked || true"]))
    body, _, rest = done.partition("\n@@")
    status, *asked = rest.split()
    return body, status, [" ".join(pair) for pair in zip(asked[::2], asked[1::2], strict=True)]


def ask(arguments: str) -> str:
    return f"curl -sS --noproxy '*' --max-time 10 -w '\\n@@%{{http_code}}' {arguments}"


def headers_of(body: str) -> dict[str, Any]:
    headers: dict[str, Any] = json.loads(body)["headers"]
    return headers


def test_a_client_cannot_claim_an_address_or_a_protocol(single: DebianTree) -> None:
    lies = " ".join(
        f"-H '{name}: {value}'"
        for name, value in {
            "Host": "shop.example:8080",
            "X-Forwarded-For": "192.0.2.66",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Port": "8443",
            "X-Real-IP": "192.0.2.66",
            "X_Real_IP": "192.0.2.66",
            "Upgrade": "h2c",
            "Connection": "Upgrade, HTTP2-Settings",
            **dict.fromkeys(BLANKED, "evil.example"),
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
    assert got.keys() == {
        *("Host", "User-Agent", "Accept", "X-Real-IP", "X-Request-ID"),
        *("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port"),
    }


def test_whom_stage_1_forwards_is_who_its_nginx_says(single: DebianTree) -> None:
    """And to the app, a form's own site is the site that it has here."""
    said = {
        "Host": "old.example",
        "Origin": "https://old.example",
        "X-Forwarded-For": "192.0.2.66",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "old.example",
        "X-Forwarded-Port": "443",
        "X-Real-IP": "192.0.2.66",
        "Upgrade": "websocket",
        "Connection": "upgrade",
    }
    headers = " ".join(f"-H '{name}: {value}'" for name, value in said.items())
    asked = f"{headers} http://127.0.0.1:{promotion_tunnel.FORWARDED_PORT}/"
    body, status, _ = serve(single, {8001: "works", 8002: "works"}, ask(asked))
    got = headers_of(body)
    assert status == "200"
    here = single.must(f"cat {nginx.FORWARDED_HOST}").split()[1].removesuffix(";")
    assert got["Host"] == got["X-Forwarded-Host"] == here
    assert got["Origin"] == f"https://{here}"
    assert got["X-Forwarded-For"] == got["X-Real-IP"] == "192.0.2.66"
    assert (got["X-Forwarded-Proto"], got["X-Forwarded-Port"]) == ("https", "443")
    assert (got["Upgrade"], got["Connection"]) == ("websocket", "upgrade")

    foreign = asked.replace("Origin: https://old.example", "Origin: https://evil.example")
    body, _, _ = serve(single, {8001: "works", 8002: "works"}, ask(foreign))
    assert headers_of(body)["Origin"] == "https://evil.example"


def test_a_websocket_is_the_only_upgrade(single: DebianTree) -> None:
    asked = ask("-H 'Connection: Upgrade' -H 'Upgrade: WebSocket' http://127.0.0.1/")
    body, _, _ = serve(single, {8001: "works", 8002: "works"}, asked)
    got = headers_of(body)
    assert (got["Upgrade"], got["Connection"]) == ("websocket", "upgrade")


RAW = """
import base64, json, socket, sys
for raw in json.load(sys.stdin):
    with socket.create_connection(("127.0.0.1", 80), 10) as link:
        link.sendall(raw.encode("latin-1"))
        answer = b""
        while block := link.recv(65536):
            answer += block
    head, _, body = answer.partition(b"\\r\\n\\r\\n")
    print(json.dumps([int(head.split()[1]), body.decode("latin-1")]))
"""


def answers(tree: DebianTree, *raw: str) -> list[tuple[int, Any]]:
    """What Nginx makes of requests, byte for byte: status, and the headers that the app got."""
    tree.write("/srv/raw.json", json.dumps([f"{each}\r\n" for each in raw]))
    tree.write("/srv/raw.py", RAW)
    done = tree.must(
        "python3 /srv/web.py 8001 works & python3 /srv/web.py 8002 works &"
        " until ss -Hltn | grep -c 127.0.0.1:800[12] | grep -q 2; do sleep 0.05; done;"
        " nginx; python3 /srv/raw.py < /srv/raw.json",
    )
    replies = [json.loads(line) for line in done.splitlines()]
    return [(status, headers_of(body) if status == 200 else body) for status, body in replies]


def site(domain: str | None) -> str:
    """The text of Nginx's site."""
    part = nginx.nginx(web_ports=(8001, 8002), domain=domain)
    return next(file.content for file in part.files if file.path == nginx.SITE)


@pytest.mark.parametrize("domain", [None, "shop.example.com"], ids=["any name", "domain"])
def test_the_app_sees_no_host_that_nginx_did_not_choose(
    single: DebianTree, domain: str | None
) -> None:
    """The request line goes before the header, and a name ends where its port does."""
    single.write("/srv/web.py", WEB)
    own, name_asked_for = site(domain), "default $host$port_of_host;"
    if domain:  # its own site answers over TLS alone
        assert f"default {domain};" in own and name_asked_for not in own
        single.write(nginx.SITE, site(None).replace(name_asked_for, f"default {domain};"))
    close = "Connection: close\r\n"
    replies = answers(
        single,
        f"GET http://evil.example/ HTTP/1.1\r\nHost: shop.example.com\r\n{close}",
        f"GET http://shop.example.com/ HTTP/1.1\r\nHost: evil.example\r\n{close}",
        f"GET / HTTP/1.1\r\nHost: shop.example.com:80@evil.example\r\n{close}",
        f"GET / HTTP/1.1\r\nHost: SHOP.example.com:8080\r\n{close}",
        f"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n{close}",
    )
    seen = [(status, got["Host"], got["X-Forwarded-Host"]) for status, got in replies]
    chosen = [
        *("evil.example", "shop.example.com", "shop.example.com"),
        *("shop.example.com:8080", "[::1]:8080"),
    ]
    expected = [domain or name for name in chosen]
    assert seen == [(200, name, name) for name in expected]


def test_a_request_with_two_readings_is_refused(single: DebianTree) -> None:
    single.write("/srv/web.py", WEB)
    smuggled = (
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: +4",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Host: a.example",
        "X: \0",
    )
    start = "POST / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n"
    replies = answers(single, *(f"{start}{headers}\r\n\r\n0\r\n" for headers in smuggled))
    assert [status in {400, 501} for status, _ in replies] == [True] * len(smuggled)


SLOW = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (16384, 16384))
BODY = b"POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 9\\r\\n\\r\\n1"
def open_(count, text):
    links = [socket.create_connection(("127.0.0.1", 80)) for _ in range(count)]
    for link in links:
        link.sendall(text)
    return links
held = open_(1400, BODY) + open_(1400, BODY[:20])
print("held", flush=True)
sys.stdin.readline()
held += open_(int(sys.argv[1]), BODY)
print("all", flush=True)
sys.stdin.readline()
"""
"""1,400 bodies and 1,400 headers that never end; more bodies as soon as the test says so."""


def test_slow_clients_do_not_take_the_site_down_and_one_address_has_a_share(
    single: DebianTree,
) -> None:
    single.write("/srv/slow.py", SLOW)
    status = (
        "curl -s --noproxy '*' --max-time 10 -o /dev/null -w '%{http_code}\\n' http://127.0.0.1/"
    )
    question = f"""
mkfifo /run/in /run/out
python3 /srv/slow.py {nginx.PER_CLIENT} < /run/in > /run/out & slow=$!
exec 7> /run/in 8< /run/out
read -r _ <&8; {status}; {status} --interface 127.0.0.2
echo more >&7; read -r _ <&8
until [ "$({status})" = 429 ]; do sleep 0.1; done; echo 429; {status} --interface 127.0.0.2
kill $slow; echo '@@0'"""
    body, _, _ = serve(single, {8001: "works", 8002: "works"}, question)
    assert body.split() == ["200", "200", "429", "200"]


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


def test_an_asset_of_the_new_release_is_not_missed_at_a_process_of_the_old_one(
    single: DebianTree,
) -> None:
    every = "for i in 1 2 3 4; do curl -sS --noproxy '*' -o /dev/null -w '%{{http_code}} ' {}; done"
    asked = [every.format(f"http://127.0.0.1/{name}") for name in ("a-1a2b3c4d.js", "page")]
    question = f"{asked[0]}; printf '| '; {asked[1]}; printf '\\n@@x'"
    body, _, _ = serve(single, {8001: "old", 8002: "works"}, question)
    hashed, plain = body.split("|")
    assert hashed.split() == ["200"] * 4
    assert "404" in plain.split()


def test_too_large_a_body_is_refused_before_it_reaches_the_app(single: DebianTree) -> None:
    big = "head -c 21M /dev/zero > /run/big; " + ask("--data-binary @/run/big http://127.0.0.1/")
    body, status, asked = serve(single, {8001: "works"}, big)
    assert (status, asked) == ("413", [])
    assert body == "This is larger than the 20 MB that this site takes.\n"


def test_an_answer_may_have_many_cookies(single: DebianTree) -> None:
    """With Nginx's own 4 KiB it would be none."""
    body, status, _ = serve(single, {8001: "wide", 8002: "wide"}, ask("http://127.0.0.1/"))
    assert status == "200" and json.loads(body)["port"] in {8001, 8002}


def test_the_limits_are_those_of_the_settings(single: DebianTree) -> None:
    limits = nginx.Limits(max_body_mib=300, request_timeout_s=900, response_headers_kib=64)
    part = nginx.nginx(web_ports=(8001,), limits=limits)
    (locations,) = [file.content for file in part.files if file.path == nginx.LOCATIONS]
    single.write(nginx.LOCATIONS, locations)
    single.must("nginx -t -q")
    for line in ("client_max_body_size 300m;", "proxy_read_timeout 900s;"):
        assert line in locations


def test_a_certificate_authority_is_answered_by_nginx_itself(single: DebianTree) -> None:
    single.must("mkdir -p /var/lib/acme/.well-known/acme-challenge")
    single.write("/var/lib/acme/.well-known/acme-challenge/token", "proof")
    question = ask("http://127.0.0.1/.well-known/acme-challenge/token")
    body, status, asked = serve(single, {8001: "works"}, question)
    assert (body, status, asked) == ("proof", "200", [])
