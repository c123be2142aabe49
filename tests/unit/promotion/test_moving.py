"""Requests and jobs move with the app, and a move that was interrupted comes to its end first."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from components.host import nginx
from components.host.agent import app as apps
from components.host.agent import main as host
from components.host.agent import (
    maintenance,
    promotion_app,
    promotion_guard,
    promotion_pooler,
    promotion_record,
    promotion_tunnel,
    queue,
    release,
    shutdown,
    units,
    web,
)
from components.host.agent.report import TIMEOUT_EXIT, Done, Failed
from scripts.lib import promotion_app as moving
from scripts.lib.promotion_pair import Pair
from tests.support.planned import only, planned

SERVING = {
    "services": [],
    "app": {"web_units": ["web@8001.service"], "worker_units": ["worker@worker.1.service"]},
    "readiness": {"urls": ["http://127.0.0.1:8001/health"], "host_header": ""},
    "shutdown": {"timeout_s": "300", "queue": {}},
}
GIVEN = {"id": "7", "held": []}
COUNTERS = {"counters": [[0, "YnVsbDptYWlsczppZA==", 7]]}
AHEAD = ["old give counters", "new take counters"]
THERE = ["old leave", "new take queue", "old left"]
BACK = [
    *("new give counters", "old take counters"),
    *("old come back", "new give back", "old take queue", "new forget queue", "old came back"),
]


def asked(act: Callable[[Pair], None], app: str, old_domain: str = "old.example") -> list[str]:
    """What the servers of a pair were asked, where the app of stage 1 was last seen like this."""
    modes: list[str] = []

    def server(name: str) -> SimpleNamespace:
        def perform(document: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
            mode = document["mode"].removeprefix("promotion ")
            if mode == "phase":
                return {"phase": "switched", "app": app}
            modes.append(f"{name} {mode}")
            if "queue" in mode or "counters" in mode:
                assert document["shutdown"]["queue"]["port"] == "6379"
            if mode == "take queue":
                assert document["given"] == GIVEN
            if mode == "take counters":
                assert document["counters"] == COUNTERS["counters"]
            if mode == "give counters":
                return COUNTERS
            return GIVEN if mode in {"leave", "give back"} else {}

        return SimpleNamespace(perform=perform, configuration=SERVING)

    pair = SimpleNamespace(
        old=SimpleNamespace(stack="shop", settings=SimpleNamespace(domain=old_domain)),
        new=SimpleNamespace(stack="shop2", settings=SimpleNamespace(domain="shop.example")),
        old_server=server("old"),
        new_server=server("new"),
        say=lambda _: None,
    )
    act(cast("Pair", pair))
    return modes


@pytest.mark.parametrize(
    ("app", "moves"),
    [
        ("", [*AHEAD, "new serve promoted", *THERE]),
        ("leaving", [*AHEAD, "new serve promoted", *THERE]),
        ("there", ["new serve promoted"]),
        ("returning", [*BACK, *AHEAD, "new serve promoted", *THERE]),
    ],
)
def test_the_workers_of_stage_2_start_when_it_has_the_queue(app: str, moves: list[str]) -> None:
    assert asked(moving.move_app, app) == [*moves, "new serve"]


def test_the_certificate_goes_along_where_both_have_the_name() -> None:
    modes = asked(moving.move_app, "there", "shop.example")
    assert modes == ["old give", "new take certificate", "new serve promoted", "new serve"]


@pytest.mark.parametrize(
    ("app", "moves"),
    [("", BACK), ("there", BACK), ("returning", BACK), ("leaving", [*THERE, *BACK])],
)
def test_a_rollback_brings_the_queue_back_before_workers_start(app: str, moves: list[str]) -> None:
    assert asked(moving.move_app_back, app) == moves


@pytest.fixture
def steps(record: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a server does, in order; its record is a file of the test's."""
    seen: list[str] = []

    def note(name: str, answer: object = None) -> Callable[..., object]:
        def act(*_: object, **__: object) -> object:
            seen.append(name)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return act

    monkeypatch.setattr(promotion_tunnel, "forward", note("forward"))
    monkeypatch.setattr(promotion_tunnel, "serve_again", note("stop forwarding"))
    monkeypatch.setattr(shutdown, "give_queue", note("give", GIVEN))
    monkeypatch.setattr(queue, "forget", note("forget"))
    monkeypatch.setattr(units, "disable", lambda names: seen.append(f"disable {' '.join(names)}"))
    monkeypatch.setattr(units, "enable", note("enable"))
    monkeypatch.setattr(units, "begin", lambda unit: seen.append(f"start {unit}"))
    monkeypatch.setattr(web, "wait", note("wait", {}))
    promotion_record.write(phase="switched", side="from", other="shop2")
    return seen


def test_requests_go_over_before_the_app_stops_and_a_reboot_does_not_start_it(
    steps: list[str],
) -> None:
    assert promotion_app.leave(SERVING) == GIVEN
    both = "web@8001.service worker@worker.1.service"
    assert steps == ["forward", "give", f"disable {both}"]
    assert promotion_record.read()["app"] == "leaving"
    promotion_app.left({})
    assert steps[3:] == ["forget"]
    assert promotion_record.read()["app"] == "there"


def test_requests_come_back_to_an_app_that_answers_and_jobs_when_stage_2_has_none(
    steps: list[str],
) -> None:
    promotion_app.leave(SERVING)
    promotion_app.left({})
    steps.clear()
    none = {**SERVING, "app": {"web_units": [], "worker_units": []}}  # as its settings say by now
    promotion_app.come_back(none)
    assert steps == ["enable", "start web@8001.service", "wait", "stop forwarding"]
    assert promotion_record.read()["app"] == "returning"
    promotion_app.came_back({})
    assert steps[4:] == ["start worker@worker.1.service"]
    assert promotion_record.read()["app"] == ""


def test_a_job_that_does_not_end_leaves_the_app_where_it_was(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(_document: object, **_: object) -> None:
        raise Failed("worker@worker.1.service", "a job is still running after 300 s")

    monkeypatch.setattr(shutdown, "give_queue", busy)
    with pytest.raises(Failed, match="still running"):
        promotion_app.leave(SERVING)
    assert steps == ["forward", "stop forwarding"]
    assert promotion_record.read()["app"] == ""


def test_a_second_run_that_fails_leaves_requests_where_the_queue_may_be(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app is stopped here: without the forwarding nobody would answer."""
    promotion_app.leave(SERVING)
    steps.clear()

    def unreachable(_document: object, **_: object) -> None:
        raise Failed("valkey-server", "does not answer")

    monkeypatch.setattr(shutdown, "give_queue", unreachable)
    with pytest.raises(Failed, match="does not answer"):
        promotion_app.leave(SERVING)
    assert steps == ["forward"]
    assert promotion_record.read()["app"] == "leaving"


@pytest.mark.parametrize("give", [promotion_app.leave, promotion_app.give_back])
def test_a_second_run_that_fails_starts_no_worker_on_a_queue_that_has_moved(
    record: Path, monkeypatch: pytest.MonkeyPatch, give: Callable[[dict[str, Any]], object]
) -> None:
    back: list[object] = []
    serving = {**SERVING, "other": "shop"}
    monkeypatch.setattr(promotion_tunnel, "forward", lambda _: None)
    monkeypatch.setattr(promotion_tunnel, "serve_again", lambda: None)
    monkeypatch.setattr(queue, "connect", lambda _: None)
    monkeypatch.setattr(shutdown, "_stop_web", lambda _: None)
    monkeypatch.setattr(units, "disable", lambda _: None)

    def put_back(document: object) -> str:
        back.append(document)
        return "it is back"

    def full(*_: object) -> None:
        raise Failed("the queue", "cannot be read")

    monkeypatch.setattr(shutdown, "_back", put_back)
    monkeypatch.setattr(shutdown, "_stop_workers", full)
    promotion_record.write(phase="switched", side="from", other="shop2")
    with pytest.raises(Failed, match="it is back"):
        give(serving)
    assert back.pop()
    known = promotion_record.read()
    assert (known["phase"], known.get("app", "")) == ("switched", "")
    monkeypatch.setattr(shutdown, "_stop_workers", lambda *_: None)
    monkeypatch.setattr(queue, "packed", lambda _: GIVEN)
    give(serving)
    monkeypatch.setattr(queue, "packed", full)
    with pytest.raises(Failed):
        give(serving)
    assert not back


def test_an_app_that_does_not_answer_stays_on_stage_2(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nothing could go on: an ``up`` would be refused, and --switch would bring it back."""
    promotion_app.leave(SERVING)
    promotion_app.left({})
    steps.clear()
    monkeypatch.setattr(units, "act", lambda verb, unit: steps.append(f"{verb} {unit}"))
    monkeypatch.setattr(web, "wait", lambda *_: {"http://127.0.0.1:8001/health": "502"})
    with pytest.raises(Failed, match="does not answer on stage 1"):
        promotion_app.come_back(SERVING)
    both = "web@8001.service worker@worker.1.service"
    assert steps[1:] == ["start web@8001.service", f"disable {both}", "stop web@8001.service"]
    promotion_record.write(databases_ini="new")
    promotion_record.refuse_to_undo(UP)
    promotion_record.write(app="returning")  # stage 2 may have given its queue back
    with pytest.raises(Failed, match="does not answer on stage 1"):
        promotion_app.come_back(SERVING)
    assert promotion_record.read()["app"] == "returning"


def test_the_tunnels_key_may_forward_and_after_the_promotion_visitors_alone() -> None:
    during = promotion_tunnel.permitted("192.0.2.7", forwarding_only=False, bucket=True)
    public = promotion_tunnel.permitted("192.0.2.7", forwarding_only=False, bucket=False)
    after = promotion_tunnel.permitted("192.0.2.7", forwarding_only=True, bucket=True)
    assert 'from="192.0.2.7"' in during and during.startswith("restrict,port-forwarding,")
    assert 'permitlisten="127.0.0.1:6544"' in during and "6544" not in after
    assert 'permitlisten="127.0.0.1:6546"' in during and "6546" not in after + public
    assert 'permitlisten="127.0.0.1:6545"' in during and 'permitlisten="127.0.0.1:6545"' in after
    assert 'permitopen="[/run/postgresql/.s.PGSQL.5432]:*"' in during
    assert 'permitopen="localhost:1"' in after


UP: dict[str, Any] = {
    "secret_files": {promotion_record.DATABASES: {"content": "new"}},
    "release": {"release_command": ""},
}


@pytest.mark.parametrize(
    ("known", "cause"),
    [
        ({"phase": "switched", "app": "there"}, ""),
        ({"phase": "switched"}, "was interrupted while it moved requests and jobs"),
        ({"phase": "switched", "app": "leaving"}, "was interrupted while it moved"),
        ({"phase": "switched", "app": "returning"}, "was interrupted while it moved"),
        ({"phase": "switched", "app": "there", "databases_ini": "x"}, "switch the app back to the"),
        ({"phase": "copying", "side": "from", "switching": "to"}, "in the middle of a switch"),
        ({"phase": "switched", "app": "there", "switching": "from"}, "in the middle of a switch"),
        ({"phase": "finished"}, "moved the app to shop2, and this server only forwards to it"),
        ({"phase": "rolled back"}, "would switch the app to the new database again"),
        ({"phase": "rolled back", "databases_ini": "x"}, ""),
    ],
)
def test_an_up_undoes_no_step_of_a_promotion(
    steps: list[str], known: dict[str, Any], cause: str
) -> None:
    promotion_record.write(**{"databases_ini": "new", **known})
    if not cause:
        promotion_record.refuse_to_undo(UP)
        return
    with pytest.raises(Failed) as refused:
        promotion_record.refuse_to_undo(UP)
    assert cause in refused.value.cause


@pytest.mark.parametrize(
    ("known", "moved"),
    [
        ({"phase": "switched", "app": "there"}, True),
        ({"phase": "finished", "app": ""}, True),
        ({"phase": "switched", "app": "returning"}, False),
        ({"phase": "rolled back"}, False),
        ({"phase": "switched", "side": "to"}, False),
    ],
)
def test_what_would_touch_an_app_that_has_moved_is_refused(
    steps: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    known: dict[str, Any],
    moved: bool,
) -> None:
    """By its old server, also where a checkout does not know of the promotion."""
    page, snippet = tmp_path / "page", tmp_path / "locations"
    monkeypatch.setattr(maintenance, "SWITCH", page)
    monkeypatch.setattr(maintenance, "LOCATIONS", snippet)
    snippet.write_text(str(page))
    promotion_record.write(**known)
    assert promotion_record.moved_to() == ("shop2" if moved else "")
    if not moved:
        maintenance.maintenance({"on": True})
        assert page.exists()
        return
    page.touch()
    maintenance.maintenance({"on": False})  # it may have been on before
    for act in (maintenance.maintenance, apps.restart, apps.rollback):
        with pytest.raises(Failed, match="was promoted to shop2"):
            act({"on": True})
    assert not page.exists()


def test_an_up_of_a_stack_whose_app_has_moved_builds_and_migrates_nothing(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its release command would run on the new database, and change what stage 1 follows."""
    monkeypatch.setattr(release, "ensure", lambda *_: pytest.fail("a release was built"))
    readers = cast("Any", None)
    promotion_record.write(app="there")
    host._app({**SERVING, "release": {"commit": "b" * 40, "directory": "", "build": ""}}, readers)


def test_a_promoted_stack_runs_no_app_and_keeps_what_nginx_asks() -> None:
    own, promoted = planned("local-stage1"), planned("local-stage1", database__promoted_to="shop2")
    before = only(own, "HostConfiguration")["inputs"]
    after = only(promoted, "HostConfiguration")["inputs"]
    assert before["app"]["web_units"] and before["app"]["worker_units"]
    assert (after["app"]["web_units"], after["app"]["worker_units"]) == ([], [])
    assert after["readiness"]["urls"] == []
    for path in (nginx.SITE, nginx.LOCATIONS):
        assert after["files"][path] == before["files"][path]


def test_a_reboot_does_not_start_an_app_whose_database_is_filled(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither during the copy, nor once a rollback has taken its queue."""
    monkeypatch.setattr(shutdown, "_stop_workers", lambda *_: steps.append("stop workers"))
    monkeypatch.setattr(shutdown, "_stop_web", lambda _: steps.append("stop web"))
    monkeypatch.setattr(queue, "set_aside", lambda _: steps.append("set aside"))
    both = "disable web@8001.service worker@worker.1.service"
    shutdown.stand_by({**SERVING, "other": "shop"})
    assert steps == ["stop workers", "stop web", "set aside", both]
    steps.clear()
    promotion_app.give_back({**SERVING, "other": "shop"})
    assert steps == ["give", both]


def test_an_app_that_serves_again_does_so_after_a_reboot(
    monkeypatch: pytest.MonkeyPatch, record: Path
) -> None:
    enabled: list[str] = []
    monkeypatch.setattr(units, "enable", enabled.extend)
    monkeypatch.setattr(units, "is_active", lambda _: True)
    monkeypatch.setattr(units, "act", lambda *_: None)
    monkeypatch.setattr(web, "wait", lambda *_: {})
    promotion_record.write(phase="copying", side="to", other="shop")
    promotion_record.forget()  # as a --finish that was killed between the two servers
    shutdown.serve_promoted({**SERVING, "other": "shop"})
    assert enabled == ["web@8001.service"]
    known = promotion_record.read()
    assert (known["phase"], known["side"], known["other"]) == ("switched", "to", "shop")
    shutdown.serve(SERVING)
    assert enabled[1:] == ["web@8001.service", "worker@worker.1.service"]


@pytest.mark.parametrize(
    ("record", "pointed", "logs_in", "done"),
    [
        (None, "old", True, []),
        ({"switching": ""}, "old", True, []),
        ({"switching": "to"}, "old", True, ["old", "resume"]),
        ({"switching": "to"}, "old", False, ["old"]),
        ({"switching": "to"}, "new", True, ["resume"]),
        ({"switching": "from", "guard": {"WHO": "new"}}, "new", True, ["new", "resume"]),
        ({"switching": "from", "guard": {"WHO": "new"}}, "new", False, ["new"]),
        ({"switching": "from", "guard": {"WHO": "new"}}, "old", True, ["old", "resume"]),
        ({"switching": "from"}, "new", True, ["resume"]),  # an older version began it
    ],
)
def test_the_guard_lets_clients_go_on_where_the_pool_points(
    tmp_path: Path,
    record: dict[str, object] | None,
    pointed: str,
    logs_in: bool,
    done: list[str],
) -> None:
    """Killed with the switch or with its server; a database that is not there yet is asked again
    by systemd."""
    file, databases, seen = (tmp_path / name for name in ("record", "databases", "seen"))
    if record is not None:
        file.write_text(json.dumps({**record, "databases_ini": "new"}))
    databases.write_text(pointed)
    seen.touch()
    failing = f">> {seen}; exit {int(not logs_in)}"
    old, new = (["sh", "-c", f"echo {who} {failing}"] for who in ("old", "$WHO"))
    resume = ["sh", "-c", f"echo resume >> {seen}"]
    words = [str(file), str(databases), *map(json.dumps, (old, new, resume))]
    argv = [sys.executable, "-I", "-c", promotion_guard.SCRIPT, *words]
    ended = subprocess.run(argv, capture_output=True, check=False)
    assert seen.read_text().split() == done
    assert (ended.returncode == 0) == logs_in


@pytest.mark.parametrize(
    ("ended", "cause"),
    [
        (Done(TIMEOUT_EXIT, ""), "pgbouncer: a transaction "),
        (Done(2, "psql: error: no such file"), 'pgbouncer: "psql: error: no such file"'),
    ],
)
def test_a_pool_that_cannot_be_paused_says_why(
    monkeypatch: pytest.MonkeyPatch, ended: Done, cause: str
) -> None:
    monkeypatch.setattr(promotion_pooler, "ask", lambda *_, **__: ended)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(Failed, match=cause):
        promotion_pooler.pause()


def test_the_guards_unit_has_its_words_as_they_are() -> None:
    """systemd has the escapes of JSON; a percent sign is its own."""
    line = " ".join(map(promotion_guard._word, promotion_guard.argv()))
    assert "\n" not in line
    assert shlex.split(line.replace("\\n", "\n")) == promotion_guard.argv()
    assert promotion_guard._word("50%") == '"50%%"'
