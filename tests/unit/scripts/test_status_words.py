"""What ``make status`` says of what it found."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from components import outputs
from components.remote import ssh
from scripts.lib import health, status
from scripts.lib.certificate import Certificate
from scripts.lib.status import Status


class Answers(BaseHTTPRequestHandler):
    """Answers 200 on /, another code on the path of that name, and 502 elsewhere."""

    def do_GET(self) -> None:
        path = self.path[1:]
        self.send_response(200 if not path else int(path) if path.isdigit() else 502)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_answer_counts_whatever_proxy_the_shell_has(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    seen = status.look("s", {outputs.URL: f"{address}/"}, {"s-app": "running"})
    assert seen.answer.startswith("200 in ")
    assert seen.hosts == {"s-app": "running"}
    assert not seen.healthy  # nobody could be asked about the host


def test_an_error_page_is_no_answer(address: str) -> None:
    seen = status.look("s", {outputs.URL: f"{address}/x"}, {})
    assert seen.answer == "502 Bad Gateway"


@pytest.mark.parametrize(
    ("code", "serves"), [(302, True), (401, True), (404, True), (400, False), (500, False)]
)
def test_an_app_without_a_page_at_its_root_serves(address: str, code: int, serves: bool) -> None:
    """Else `status` and the plan of a promotion call an API not healthy."""
    assert status.ask(f"{address}/{code}")[0] is serves


def test_a_site_that_takes_a_connection_and_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert status.ask(url, patience_s=0.1) == (False, "no answer (timed out, 0 s)")


def test_in_words() -> None:
    assert Status("s").lines() == ["s: not up."]
    assert Status("s", busy="Stack s is being changed").lines() == [
        "s: not up.",
        "  Stack s is being changed",
    ]
    seen = Status(
        "s",
        healthy=False,
        url="http://x",
        answer="502 Bad Gateway",
        revision="abc",
        hosts={"s-app": "running"},
        system="degraded",
        queue={"used_kib": 6_144, "limit_kib": 52_224},
        troubles=[health.Trouble("web@8001.service", "is failed", "Look.")],
        notes=["/: 90 % full"],
    )
    assert seen.lines() == [
        "s: NOT HEALTHY",
        "  http://x: 502 Bad Gateway",
        "  revision abc",
        "  host s-app: running",
        "  app server: degraded",
        "  queue: 11 % full, 6 of 51 MiB",
        "    web@8001.service: is failed. Look.",
        "    note: /: 90 % full",
    ]


@pytest.mark.parametrize(("phase", "says"), [("copying", True), ("finished", False)])
def test_a_stack_that_forwards_asks_for_no_record_of_its_name(phase: str, says: bool) -> None:
    served = Certificate(domain="a.example", address="192.0.2.1", resolved=["192.0.2.2"])
    promotion = {"phase": phase, "side": "from", "other": "s2", "way_back": {}}
    seen = Status("s", url="https://a.example", certificate=served, promotion=promotion)
    assert "  certificate: none is served" in seen.lines()
    assert any("it should point to 192.0.2.1" in line for line in seen.lines()) is says


MEMBERS = [
    {"name": "shop", "role": "standby", "well": False, "lag_bytes": None},
    {"name": "shop-standby", "role": "primary", "well": True, "lag_bytes": None},
    {"name": "shop-replica-1", "role": "replica", "well": True, "lag_bytes": 512},
]


@pytest.mark.parametrize("message", ["NaN 1", "Infinity 1", "1 NaN", "x y", "1e999 1", "1 1_0"])
def test_what_the_app_lets_its_database_say_of_a_replica_is_no_number(message: str) -> None:
    nothing = {"alias": "app_read_1", "lag_bytes": None, "lag_s": None}
    assert status.lags(f"app_read_1 {message}") == [nothing]


def test_members_and_replicas_are_told_and_one_that_is_not_well_counts(address: str) -> None:
    values = {outputs.URL: f"{address}/"}
    seen = status.look("s", values, {}, databases=MEMBERS)
    seen.replicas = status.lags("app_read_2\napp_read_1 512 3.2\n\n")
    assert seen.as_json()["replicas"] == [
        {"alias": "app_read_1", "lag_bytes": 512, "lag_s": 3.2},
        {"alias": "app_read_2", "lag_bytes": None, "lag_s": None},
    ]
    assert seen.lines()[-5:] == [
        "  database shop: standby, NOT WELL",
        "  database shop-standby: primary",
        "  database shop-replica-1: replica, 512 bytes behind",
        "  replica app_read_1: 512 bytes behind, last transaction 3.2 s ago",
        "  replica app_read_2: does not answer",
    ]


WELL: dict[str, Any] = {
    "system": "running",
    "failed_units": [],
    "units": {"valkey-server.service": {"state": "active", "sub": "running", "restarts": 0}},
    "disks": [
        {
            "where": "/data",
            "size_mib": 974,
            "left_mib": 800,
            "used_percent": 12,
            "inodes_percent": 1,
        }
    ],
    "queue": {"used_kib": 6_144, "limit_kib": 52_224},
    "boot": "done",
    "more": "",
}
SWITCHED = {
    "phase": "switched",
    "side": "from",
    "other": "shop2",
    "way_back": {"state": "open", "active": True, "bytes": 0},
}
LOOPS = {
    "state": "activating",
    "sub": "auto-restart",
    "result": "exit-code",
    "exit": "1",
    "restarts": 7,
    "recent_restarts": 7,
    "last_restart_s_ago": 2,
}


def ill(**changes: Any) -> dict[str, Any]:
    return {**WELL, **changes}


@pytest.mark.parametrize(
    ("members", "host", "healthy"),
    [
        (MEMBERS[1:], ill(more="app_read_1 512 3.2\n"), True),
        (MEMBERS, WELL, False),
        (MEMBERS[1:], ill(more="app_read_1\n"), False),
        (MEMBERS[1:], ill(system="degraded", failed_units=["x.service"]), False),
        (MEMBERS[1:], ill(units={"worker@1.service": LOOPS}), False),
        (MEMBERS[1:], ill(disks=[{**WELL["disks"][0], "used_percent": 95}]), False),
        (MEMBERS[1:], ill(disks=[{**WELL["disks"][0], "used_percent": 94}]), True),
        (MEMBERS[1:], ill(queue={"used_kib": 95, "limit_kib": 100}), False),
        (MEMBERS[1:], ill(queue={"used_kib": 94, "limit_kib": 100}), True),
        (MEMBERS[1:], ill(queue=None), True),
        (MEMBERS[1:], ill(boot="running"), False),
        (MEMBERS[1:], ill(promotion=SWITCHED), True),
        (MEMBERS[1:], ill(promotion={**SWITCHED, "way_back": {"state": "lost"}}), False),
        (MEMBERS[1:], ssh.SshError("connection refused"), False),
    ],
)
def test_what_makes_a_stack_healthy(
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    members: list[dict[str, object]],
    host: dict[str, Any] | Exception,
    healthy: bool,
) -> None:
    """The server's answer is put in, which the tests on real hosts ask for."""

    def perform(*_: object, **__: object) -> dict[str, Any]:
        if isinstance(host, Exception):
            raise host
        return host

    monkeypatch.setattr(status, "perform", perform)
    monkeypatch.setattr("scripts.lib.ssh.target", lambda values: values)
    values = {outputs.URL: f"{address}/", outputs.SSH_HOST: "10.0.0.1"}
    seen = status.look("s", values, {}, databases=members)
    assert seen.healthy is healthy
    assert json.loads(json.dumps(seen.as_json()))["healthy"] is healthy


@pytest.mark.parametrize(("side", "count"), [("to", 0), ("from", 2)])
def test_an_app_that_a_promotion_has_stopped_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch, side: str, count: int
) -> None:
    """The remedy was an `up`, which is refused while the database is filled."""
    stopped = {"state": "inactive", "sub": "dead", "restarts": 0}
    units = {"web@8001.service": stopped, "worker@worker.1.service": stopped}
    host = ill(units=units, promotion={**SWITCHED, "phase": "copying", "side": side})
    monkeypatch.setattr(status, "perform", lambda *_, **__: host)
    monkeypatch.setattr("scripts.lib.ssh.target", lambda values: values)
    seen = status.look("shop2", {outputs.SSH_HOST: "10.0.0.1"}, {})
    assert len([trouble for trouble in seen.troubles if "inactive" in trouble.what]) == count


@pytest.mark.parametrize(
    ("side", "answer", "line"),
    [
        ("to", "503 Service Unavailable", "shop2: stopped for the promotion"),
        ("to", "no answer (timed out, 5 s)", "shop2: NOT HEALTHY"),
        ("from", "503 Service Unavailable", "shop2: NOT HEALTHY"),
    ],
)
def test_a_stack_whose_database_is_filled_is_stopped_on_purpose(
    monkeypatch: pytest.MonkeyPatch, side: str, answer: str, line: str
) -> None:
    host = ill(promotion={**SWITCHED, "phase": "copying", "side": side, "way_back": {}})
    monkeypatch.setattr(status, "perform", lambda *_, **__: host)
    monkeypatch.setattr(status, "ask", lambda *_: (False, answer))
    monkeypatch.setattr("scripts.lib.ssh.target", lambda values: values)
    values = {outputs.SSH_HOST: "10.0.0.1", outputs.URL: "http://10.0.0.1"}
    assert status.look("shop2", values, {}).lines()[0] == line


def test_a_server_that_is_not_up_yet_is_asked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    host = ill(boot="failed: no such package")
    monkeypatch.setattr(status, "perform", lambda *_, **__: host)
    monkeypatch.setattr("scripts.lib.ssh.target", lambda values: values)
    seen = status.look("s", {outputs.SSH_HOST: "10.0.0.1"}, {})
    assert (seen.healthy, seen.boot) == (False, "failed: no such package")
    assert seen.lines() == [
        "s: not up.",
        "  app server: running",
        "    first boot: failed: no such package. Correct the settings; `make up STACK=s` makes a "
        "new server",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"units": {"worker@1.service": LOOPS}},
            "worker@1.service: crash loop: started 7 times in the last 10 min "
            "(exit-code, exit status 1). Its log: make ssh STACK=s COMMAND='sudo journalctl -n 50 "
            "-u worker@1.service'; when that is fixed, `make refresh STACK=s` and "
            "`make up STACK=s` start it",
        ),
        (
            {"disks": [{**WELL["disks"][0], "used_percent": 100, "left_mib": 0}]},
            "/data: 100 % full, 0 MiB left of 974 MiB. Grow stages:data.volume_gib, or delete "
            "what is not needed",
        ),
        (
            {"disks": [{**WELL["disks"][0], "where": "/", "inodes_percent": 99}]},
            "/: 99 % of its inodes are used. What takes it: make ssh STACK=s COMMAND='sudo du -xh "
            "/ | sort -h | tail'",
        ),
        (
            {"queue": {"used_kib": 51_600, "limit_kib": 52_224}},
            "queue: 98 % full, 50 of 51 MiB; when it is full, it refuses new jobs and drops none. "
            "Run more workers (stages:app.processes), or raise stages:queue.memory_mib",
        ),
        (
            {"boot": "failed: no such package"},
            "first boot: failed: no such package. Correct the settings; `make up STACK=s` makes "
            "a new server",
        ),
    ],
)
def test_what_is_wrong_where_and_what_to_do(changes: dict[str, Any], message: str) -> None:
    assert [str(change) for change in health.troubles("s", ill(**changes))] == [message]


def test_a_unit_that_was_started_again_long_ago_is_only_noted() -> None:
    unit = {**LOOPS, "state": "active", "sub": "running", "result": "success"}
    past = ill(units={"worker@1.service": {**unit, "last_restart_s_ago": 400}})
    assert health.troubles("s", past) == []
    assert health.notes(past) == [
        "worker@1.service: started again by itself 7 times since it was last deployed"
    ]
    assert health.troubles("s", ill(units={"worker@1.service": unit}))


@pytest.mark.parametrize("name", ["x'; touch y; '.service", "$(touch y)", "`touch y`", "a b"])
def test_no_word_of_a_host_is_a_command_to_copy(name: str) -> None:
    disk = {"where": name, "used_percent": 99, "left_mib": 1, "size_mib": 2, "inodes_percent": 0}
    host: dict[str, Any] = {
        "units": {name: {"state": "failed"}},
        "failed_units": [],
        "boot": "done",
        "queue": None,
    }
    for trouble in health.troubles("s", {**host, "disks": [disk]}):
        assert name not in trouble.remedy
        assert "..." in trouble.remedy
