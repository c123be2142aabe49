"""A promotion as visitors of stage 1 and jobs see it: forwarded, and each done once.

Afterwards both stacks are as they were.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from tests.real.stages.intruder import app_host, as_root
from tests.real.stages.test_changes import Asked, asking
from tests.real.stages.test_promotion import Promotion
from tests.support.clone import Stack, fetch
from tests.support.waiting import until

pytestmark = pytest.mark.real

APP_IS = 'grep -q \'"app": *"{}"\' /var/lib/stages-host/promotion.json && echo yes || true'
"""Where the app is, as the record of stage 1 has it."""


def runs(stacks: tuple[Stack, ...], jobs: set[str]) -> Counter[str]:
    """How often a worker of any of the servers began each of these jobs."""
    lines = "journalctl -o cat -u 'worker@*' | grep -oP 'job \\K[0-9a-f-]{36}(?= taken)' || true"
    begun = Counter(job for stack in stacks for job in as_root(app_host(stack), lines).split())
    return Counter({job: times for job, times in begun.items() if job in jobs})


def queued(stack: Stack, count: int, eta_s: float = 0, seconds: float = 0) -> set[str]:
    """Queue jobs on a stack's server; return their ids."""
    code = (
        "import django, uuid; django.setup()\n"
        "from django.utils import timezone\n"
        "from proof.tasks import record\n"
        f"for _ in range({count}):\n"
        "    job, now = str(uuid.uuid4()), timezone.now().isoformat()\n"
        f"    record.apply_async((job, now, {seconds}), countdown={eta_s} or None)\n"
        "    print(job)\n"
    )
    unit = "systemd-run --quiet --wait --pipe -p User=app -p EnvironmentFile=/etc/app/app.env"
    where = "-p WorkingDirectory=/srv/app/current -E DJANGO_SETTINGS_MODULE=proof.settings"
    return set(as_root(app_host(stack), f"{unit} {where} python3 -", code).split())


@contextmanager
def visiting(url: str) -> Iterator[tuple[Asked, set[str]]]:
    """Queue a job through the site, over and over, beside who reads; the jobs that it promised."""
    jobs: set[str] = set()
    refused: list[str] = []
    stop = threading.Event()

    def order() -> None:
        while not stop.wait(0.3):
            try:
                jobs.add(fetch(f"{url}/jobs", {"seconds": 0})["id"])
            except OSError as problem:
                refused.append(repr(problem))

    thread = threading.Thread(target=order)
    with asking(f"{url}/health") as seen:
        thread.start()
        try:
            yield seen, jobs
        finally:
            stop.set()
            thread.join()
    seen.failures += refused


def seen_by_nginx(stack: Stack, mark: str) -> str:
    """The address of the client that asked for this, as a server's Nginx logged it."""
    log = f"journalctl -o cat -t nginx | grep '{mark}' | tail -1"
    return as_root(app_host(stack), log).partition(" ")[0]


def test_visitors_of_stage_1_are_forwarded_until_it_is_taken_down(
    stage1: Stack, stage2: Stack
) -> None:
    for stack in (stage1, stage2):
        stack.up()
    both, promote = (stage1, stage2), Promotion(stage1, stage2)
    url, address = stage1.outputs()["url"], stage2.outputs()["url"]
    promote("--copy", "--replace")
    with visiting(url) as (seen, jobs):
        own = queued(stage1, 20, eta_s=90) | queued(stage1, 2, seconds=15)
        promote.killed("--switch", "--stall-limit-s", "30", when=APP_IS.format("leaving"))
        stage1.configure(app__request_timeout_s=61)
        assert "was interrupted" in stage1.run("up", code=1)
        stage1.configure(app__request_timeout_s=None)
        promote("--switch", "--stall-limit-s", "30")
        assert fetch(f"{url}/proof.json")["stack"] == stage2.name
        fetch(f"{url}/health?mark=7")
        assert seen_by_nginx(stage2, "mark=7") == seen_by_nginx(stage1, "mark=7") != "127.0.0.1"
        large = Request(f"{url}/ledger", b"x" * 15 * 1024**2)
        with pytest.raises(HTTPError, match="400"):  # of the app: all of it has arrived there
            build_opener(ProxyHandler({})).open(large, timeout=60)
        as_root(app_host(stage1), "! systemctl is-active web@8001 worker@worker.1")
        assert "nothing to change" in stage1.up(database__promoted_to=stage2.name)

        own |= queued(stage2, 20, eta_s=60) | queued(stage2, 2, seconds=10)
        promote.killed("--rollback", "--stall-limit-s", "30", when=APP_IS.format("returning"))
        promote("--rollback", "--stall-limit-s", "30")
        stage1.settings.pop("database.promoted_to")
        assert fetch(f"{url}/proof.json")["stack"] == stage1.name

        own |= queued(stage1, 20, eta_s=120)
        promote("--copy", "--replace")
        promote("--switch", "--stall-limit-s", "30")
        stage1.settings["database.promoted_to"] = stage2.name
        assert "--finish` first" in stage1.run("down", code=1)
        said = promote("--finish")
        assert "forwards its visitors until" in said
        assert "should come before --finish" in promote("--rollback", code=2)
        stage1.configure(app__request_timeout_s=61)
        assert "this server only forwards to it" in stage1.run("up", code=1)
        stage1.configure(app__request_timeout_s=None)
        assert "forwards to it until" in stage2.clone.run(
            "promote", "--from", stage1.name, "--to", stage2.name
        )
        until("jobs to be done", lambda: set(runs(both, own)) == own, 180)
    assert seen.answers and not seen.failures
    until("jobs to be done", lambda: set(runs(both, jobs)) == jobs, 60)
    for these in (own, jobs):
        assert set(runs(both, these).values()) == {1}
    assert as_root(app_host(stage2), "ls /etc/systemd/system/stages-promotion*").endswith(
        "tunnel.service"
    )

    stage1.run("down")
    assert as_root(app_host(stage2), "ls /etc/systemd/system/stages-promotion* || true") == ""
    assert fetch(f"{address}/proof.json")["stack"] == stage2.name
    stage1.up(database__promoted_to=None)
    assert stage1.get()["problem"] is None
