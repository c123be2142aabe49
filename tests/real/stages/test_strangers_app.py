"""An app as a stranger writes it is promoted, with its jobs and its websockets."""

from __future__ import annotations

import threading
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.real.stages.intruder import app_host, as_root
from tests.real.stages.test_promotion import Promotion, sql
from tests.support.clone import SAMPLE, Stack, fetch
from tests.support.waiting import until

TIMEOUT_S = 60
STRANGER: dict[str, Any] = {
    "app__directory": "tests/real/stages/stranger",
    "app__packages": ["python3-psycopg", "python3-rq", "python3-tornado"],
    "app__health_path": "/up",
}


class Guests:
    """What visitors of the stranger's app do; each name should be written down once."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/guests"
        self.names: set[str] = set()
        self.refused: list[str] = []

    def write(self, name: str, **more: int) -> None:
        body = urllib.parse.urlencode({"name": name, **more}).encode()
        try:
            build_opener(ProxyHandler({})).open(self.url, body, timeout=20).close()
            self.names.add(name)
        except OSError as problem:
            self.refused.append(f"{name}: {problem!r}")

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Someone comes all the time."""
        stop = threading.Event()

        def come() -> None:
            number = 0
            while not stop.wait(0.7):  # RQ starts a process for each job
                self.write(f"visitor {number}")
                number += 1

        thread = threading.Thread(target=come)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def talk(url: str) -> ClientConnection:
    """A websocket as a browser opens it."""
    return connect(f"{url.replace('http', 'ws', 1)}/talk", origin=Origin(url), proxy=None)


def asked(websocket: ClientConnection) -> str:
    """Which stack answers."""
    websocket.send("who?")
    return str(websocket.recv(timeout=TIMEOUT_S)).removesuffix(": who?")


@contextmanager
def strangers_app(*stacks: Stack) -> Iterator[None]:
    """On both stacks; afterwards they have the sample again."""

    def bring_up(settings: dict[str, Any]) -> None:
        with ThreadPoolExecutor() as both:
            list(both.map(lambda stack: stack.up(**settings), stacks))

    bring_up(STRANGER)
    try:
        yield
    finally:
        sql(stacks[0], "DROP TABLE guests")
        for stack in stacks:
            # What is planned for later would keep the stack from its `down`.
            as_root(app_host(stack), "/usr/local/lib/stages/valkey-cli flushall")
        own = {**dict.fromkeys(STRANGER), "app__directory": SAMPLE["app.directory"]}
        bring_up(own)


@pytest.mark.real
def test_a_strangers_app_goes_to_stage_2_and_back(stage1: Stack, stage2: Stack) -> None:
    promote = Promotion(stage1, stage2)
    with strangers_app(stage1, stage2):
        url = stage1.outputs()["url"]
        guests, old = Guests(url), Guests(stage2.outputs()["url"])
        old.write("of a trial", **{"in": 3600})
        promote("--copy", "--replace", "--without-files")  # those of the tests before
        with guests.coming(), talk(url) as before:
            assert asked(before) == stage1.name
            guests.write("planned on stage 1", **{"in": 50})
            guests.write("under way on stage 1", takes=15)
            promote("--switch", "--stall-limit-s", "30")
            with pytest.raises(ConnectionClosed):
                before.recv(timeout=TIMEOUT_S)
            with talk(url) as through_stage_1:
                assert asked(through_stage_1) == stage2.name
                guests.write("planned on stage 2", **{"in": 30})
                guests.write("under way on stage 2", takes=10)
            promote("--rollback", "--stall-limit-s", "30")
            stage1.settings.pop("database.promoted_to", None)
            with talk(url) as after:
                assert asked(after) == stage1.name
        assert guests.refused == old.refused == []

        def is_done() -> bool:
            return {*fetch(guests.url)["guests"]} >= guests.names

        # RQ looks every 10 minutes whether a worker that stopped has left the planned jobs to it.
        until("the jobs to be done", is_done, 720)
        assert Counter(fetch(guests.url)["guests"]) == dict.fromkeys(guests.names, 1)
        queued = as_root(app_host(stage2), "/usr/local/lib/stages/valkey-cli --scan")
        assert "rq:scheduled:default" in queued.split()  # it has its own job again
