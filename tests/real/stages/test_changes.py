"""The engine does the work: what a second ``up``, a changed setting and a new revision do."""

from __future__ import annotations

import os
import threading
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from components.host import pgbouncer
from tests.support.clone import Stack, fetch
from tests.support.waiting import until

pytestmark = pytest.mark.real


@pytest.fixture(params=["stage1", "stage2"])
def stack(request: pytest.FixtureRequest) -> Stack:
    """Each stage in turn."""
    chosen: Stack = request.getfixturevalue(request.param)
    return chosen


def on_host(stack: Stack, command: str) -> str:
    return stack.run("ssh", command).strip()


def started(stack: Stack, unit: str) -> str:
    """The identity of a unit's present run: a restart gives it another one."""
    return on_host(stack, f"systemctl show --value -p InvocationID {unit}")


@dataclass
class Asked:
    """What a client saw that asked all the time."""

    answers: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def asking(url: str) -> Iterator[Asked]:
    """Ask a URL without a pause until the block ends."""
    seen = Asked()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                fetch(url)
                seen.answers += 1
            except (OSError, urllib.error.URLError) as problem:
                seen.failures.append(repr(problem))
            stop.wait(0.02)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def fill(stack: Stack, rows: int = 5) -> int:
    """Write rows into the ledger; return how many it has."""
    url = stack.outputs()["url"] + "/ledger"
    first = int(fetch(url)["max"] or 0) + 1
    for number in range(first, first + rows):
        assert fetch(url, {"id": number})["new"] is True
    return int(fetch(url)["count"])


def recorded(stack: Stack) -> dict[str, dict[str, Any]]:
    """The resources in the state by URN, but for what any run of the engine writes in its own way.

    That is where in the program it declared them, how their secrets are encrypted, and the order of
    resources and of what each depends on.
    """
    resources = stack.exported()["deployment"]["resources"]
    for each in resources:
        each.pop("sourcePosition", None)
        each.pop("stackTrace", None)
        for urns in (each.get("dependencies", []), *each.get("propertyDependencies", {}).values()):
            urns.sort()
    return {each["urn"]: each for each in resources}


def test_a_second_up_changes_nothing(stack: Stack) -> None:
    before = recorded(stack)
    units = [started(stack, unit) for unit in ("web@8001", "worker@worker.1", "pgbouncer", "nginx")]
    assert "nothing to change" in stack.run("up")
    assert recorded(stack) == before
    assert units == [
        started(stack, unit) for unit in ("web@8001", "worker@worker.1", "pgbouncer", "nginx")
    ]


def test_the_checkout_stays_clean_and_the_passphrase_is_private(stack: Stack) -> None:
    stack.run("preview")
    changed = stack.clone.git("status", "--porcelain").splitlines()
    of_the_test = ("?? .venv", f"?? stacks/Pulumi.t{os.getpid()}-")
    assert [line for line in changed if not line.startswith(of_the_test)] == []
    file = f"stacks/Pulumi.{stack.name}.yaml"
    stack.clone.git("add", file)  # what a commit would hold
    assert "encryptionsalt" not in stack.clone.git("show", f":{file}")
    stack.clone.git("reset", "--quiet", file)
    assert (stack.clone.path / ".stages" / "passphrase").stat().st_mode & 0o777 == 0o600


def test_a_changed_pool_size_is_a_reload_in_place(stack: Stack) -> None:
    server, pooler = stack.outputs()["server_id"], started(stack, "pgbouncer")
    with asking(stack.outputs()["url"] + "/health") as seen:
        stack.up(database__pool_size=7, database__statement_timeout_s=30)
    assert seen.answers and not seen.failures
    settings = on_host(stack, "sudo cat /etc/pgbouncer/settings.ini")
    assert "default_pool_size = 7\n" in settings
    assert stack.outputs()["server_id"] == server
    assert started(stack, "pgbouncer") == pooler
    ask = "sudo runuser -u app -- psql -XAtc 'show statement_timeout' '{}'"
    assert on_host(stack, ask.format(pgbouncer.SOCKET_URL)) == "30s"
    for _ in range(2):  # the second session would get a used connection
        assert on_host(stack, ask.format(pgbouncer.DIRECT_SOCKET_URL)) == "0"
    stack.up(database__pool_size=None, database__statement_timeout_s=None)
    assert on_host(stack, ask.format(pgbouncer.SOCKET_URL)) == "0"


def test_a_changed_app_setting_reaches_the_app_without_a_gap(stack: Stack) -> None:
    server = stack.outputs()["server_id"]
    with asking(stack.outputs()["url"] + "/health") as seen:
        stack.up(app__environment={"COLOUR": 'blue $HOME "q"'}, app__processes={"worker": 2})
    assert seen.answers and not seen.failures
    assert on_host(stack, "systemctl is-active worker@worker.2") == "active"
    pid = on_host(stack, "systemctl show --value -p MainPID web@8001")
    assert 'COLOUR=blue $HOME "q"' in on_host(
        stack, f"sudo cat /proc/{pid}/environ | tr '\\0' '\\n'"
    )
    assert stack.outputs()["server_id"] == server
    stack.up(app__environment=None, app__processes=None)


def test_a_new_revision_is_a_deploy_without_a_gap(stack: Stack) -> None:
    server = stack.outputs()["server_id"]
    stack.clone.git("commit", "--allow-empty", "--quiet", "-m", f"a release for {stack.name}")
    revision = stack.clone.git("rev-parse", "HEAD")
    with asking(stack.outputs()["url"] + "/health") as seen:
        stack.up()
    assert seen.answers and not seen.failures
    assert stack.get()["revision"] == revision
    assert stack.outputs()["revision"] == revision
    assert stack.outputs()["server_id"] == server


def test_a_release_that_never_gets_healthy_leaves_the_old_one(stack: Stack) -> None:
    good = stack.get()["revision"]
    broken = stack.clone.path / "examples/django/proof/urls.py"
    text = broken.read_text()
    branch = stack.clone.git("rev-parse", "--abbrev-ref", "HEAD")
    stack.clone.git("checkout", "--quiet", "-b", f"broken-{stack.name}")
    try:
        broken.write_text("raise SystemExit('broken on purpose')\n" + text)
        stack.clone.git("commit", "--quiet", "-am", "broken")
        stack.configure(app__health_timeout_s=5)
        with asking(stack.outputs()["url"] + "/health") as seen:
            said = stack.run("up", code=1)
        assert not seen.failures
        assert "broken on purpose" in said
        assert "broken on purpose" in on_host(stack, "sudo sh -c 'cat /var/log/stages/*'")
        assert stack.get()["revision"] == good
    finally:
        stack.clone.git("checkout", "--quiet", branch)
        stack.up(app__health_timeout_s=None)
    assert stack.get()["revision"] == stack.clone.git("rev-parse", "HEAD")


def test_stage_2_replaces_its_server_while_the_app_answers(stage2: Stack) -> None:
    rows, before = fill(stage2), stage2.outputs()
    with asking(before["url"] + "/health") as seen:
        said = stage2.up(server__generation=2)
    assert "  the app, no downtime: the app server is replaced, the new one first" in said
    after = stage2.outputs()
    assert seen.answers > 50 and not seen.failures
    assert after["server_id"] != before["server_id"]
    assert after["address"] == before["address"]
    assert fetch(after["url"] + "/ledger")["count"] == rows


def test_stage_1_stops_the_old_server_cleanly_first(stage1: Stack) -> None:
    rows, before = fill(stage1), stage1.outputs()
    said = stage1.up(server__generation=2)
    assert "  the app, 10 s to 2 min, during this run: the app server is replaced, the old" in said
    after = stage1.outputs()
    assert after["server_id"] != before["server_id"]
    assert after["address"] == before["address"]
    assert fetch(after["url"] + "/ledger")["count"] == rows
    # Not by unit: the process that says it may have ended before the journal looks whose it was.
    log = on_host(stage1, "sudo journalctl -b -t postgres")
    assert "database system was shut down" in log
    assert "was interrupted" not in log and "not properly shut down" not in log


def test_a_larger_server_is_a_restart_that_keeps_the_data(stage1: Stack) -> None:
    rows, before = fill(stage1), stage1.outputs()
    stage1.configure(server__plan="local-4gb")
    assert (
        "Expected downtime:\n  the app, 5 s to 1 min, during this run: the host is"
        in stage1.run("preview")
    )
    stage1.run("up")
    after = stage1.outputs()
    assert (after["server_id"], after["address"]) == (before["server_id"], before["address"])
    assert fetch(after["url"] + "/ledger")["count"] == rows
    stage1.up(server__plan=None)


def test_an_explicit_request_replaces_the_server(stage2: Stack) -> None:
    before = stage2.outputs()
    stage2.run("replace")
    after = stage2.outputs()
    assert after["server_id"] != before["server_id"]
    assert after["address"] == before["address"]
    assert until("the app to answer", lambda: stage2.get()["problem"] is None)


def test_refresh_sees_an_edited_file_and_the_next_up_mends_it(stack: Stack) -> None:
    on_host(stack, "sudo sed -i '1i # edited by hand' /etc/pgbouncer/pg_hba.conf")
    said = stack.run("refresh")
    assert "/etc/pgbouncer/pg_hba.conf" in said
    stack.run("up")
    assert "edited by hand" not in on_host(stack, "sudo cat /etc/pgbouncer/pg_hba.conf")
    assert "No drift" in stack.run("refresh")


def test_bad_settings_are_told_before_anything_changes(stack: Stack) -> None:
    before = stack.resources()
    stack.configure(database__pool_size=500)
    said = stack.run("up", code=2)
    assert "stages:database.pool_size: should be at most" in said
    stack.configure(database__pool_size=None)
    assert stack.resources() == before
