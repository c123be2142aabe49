"""Deploys that nobody notices: no request fails, whatever happens to the processes behind it.

The app is one that needs all the help there is: it listens before it has booted and answers 500
until then, and at SIGTERM it dies at once with what it is doing, as a JVM does: with 143.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.deploys.load import load
from tests.support.clone import SAMPLE, Stack, fetch
from tests.support.waiting import until

pytestmark = pytest.mark.real

FOLDER = "hard-to-deploy"
APP = """
import http.server, os, signal, socketserver, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        time.sleep(3 if self.path == "/slow" else 0.03)
        body = f"{VERSION} {os.environ['PORT']}".encode()
        self.send_response(200 if ready.is_set() else 500)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self): return ""
    def log_message(self, *words): pass
class Server(socketserver.ThreadingMixIn, socketserver.SERVER):
    address_family = socketserver.socket.FAMILY
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128
signal.signal(signal.SIGTERM, lambda *words: os._exit(143))
ready = threading.Event()
threading.Timer(BOOTS_S, ready.set).start()
Server(ADDRESS, Handler).serve_forever()
"""
PORT = {
    "SERVER": "TCPServer",
    "FAMILY": "AF_INET",
    "ADDRESS": "('127.0.0.1', int(os.environ['PORT']))",
}
SOCKET = {"SERVER": "UnixStreamServer", "FAMILY": "AF_UNIX", "ADDRESS": "os.environ['WEB_SOCKET']"}


def release(stack: Stack, version: str, listens: dict[str, str], boots_s: float = 1) -> str:
    """Commit a version of the app; return the commit."""
    text = APP
    for word, value in listens.items():
        text = text.replace(word, value)
    folder = stack.clone.path / FOLDER
    folder.mkdir(exist_ok=True)
    (folder / "web.py").write_text(f"VERSION = {version!r}\nBOOTS_S = {boots_s}\n{text}")
    (folder / "Procfile").write_text("web: exec python3 web.py\n")
    stack.clone.git("add", FOLDER)
    stack.clone.git("commit", "--quiet", "-m", f"{version} for {stack.name}")
    return stack.clone.git("rev-parse", "HEAD")


@pytest.fixture(params=["stage1", "stage2"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Each stage in turn, with the app in its first version."""
    chosen: Stack = request.getfixturevalue(request.param)
    start = chosen.clone.git("rev-parse", "HEAD")
    try:
        release(chosen, "first", PORT)
        chosen.up(app__directory=FOLDER, app__health_path="/health", app__web_processes=1)
        yield chosen
    finally:
        chosen.clone.git("reset", "--quiet", "--hard", start)
        chosen.up(
            app__directory=SAMPLE["app.directory"], app__health_path=None, app__web_processes=None
        )


def test_no_request_fails(stack: Stack) -> None:
    url = stack.outputs()["url"]
    with load(url, per_second=20) as seen:
        release(stack, "second", PORT)
        stack.up()
        assert fetch(url) == "second 8001"
        stack.run("restart", "--", "web")
    single_process = seen.failed()
    until("the spare to go", stack.rested)
    stack.run("status")  # healthy: the spare did not fail
    # Another number of them reloads Nginx, which closes connections that are idle.
    stack.up(app__web_processes=2)
    with load(url, per_second=20) as seen:
        stack.run("restart", "--", "web")
        release(stack, "broken", PORT, boots_s=9999)
        stack.configure(app__health_timeout_s=5)
        said = stack.run("up", code=1)
        assert "answered '500' and never 2xx" in said and "serves on" in said
        stack.configure(app__health_timeout_s=None)
        release(stack, "on a socket", SOCKET)
        stack.up()
        assert fetch(url).startswith("on a socket 800")
        release(stack, "on a socket again", SOCKET)
        stack.up()
        stack.run("rollback")
        until("the other processes to follow", lambda: fetch(url).startswith("on a socket 800"))
        release(stack, "on a port", PORT)
        stack.up()
        until("the spare to go", stack.rested)
    assert len(seen.requests) > 100
    assert (single_process, seen.failed()) == ([], [])


def test_a_request_that_takes_long_ends_before_its_process(stack: Stack) -> None:
    url = stack.outputs()["url"]
    with load(f"{url}/slow", per_second=4, clients=16) as seen:
        stack.run("restart", "--", "web")
        until("the spare to go", stack.rested)
    assert seen.failed() == []


def test_a_site_that_does_not_answer_is_no_success(stage1: Stack) -> None:
    stage1.run("ssh", "--", "sudo", "systemctl", "stop", "web@8001", "web@8002")
    said = stage1.run("up", code=1)
    assert f"{stage1.outputs()['url']}: should answer, got 503" in said
    assert "web@8001" in stage1.run("status", code=1)
    stage1.run("refresh")
    stage1.run("up")
