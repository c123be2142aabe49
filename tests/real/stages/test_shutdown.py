"""A server goes only when it can: what refuses is asked first, and a refusal leaves the site up."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from components.host.packages import APP_PACKAGES
from components.remote import document as host_document
from components.remote.work import work
from tests.real.stages.test_changes import asking, fill, on_host
from tests.support.clone import Stack, fetch
from tests.support.waiting import until

pytestmark = pytest.mark.real

AS_APP = (
    "sudo systemd-run --quiet --wait --pipe -p User=app -p EnvironmentFile=/etc/app/app.env"
    " -p WorkingDirectory=/srv/app/current"
)
REFUSED = "the host is back in service and the site answers as before"


def later(stack: Stack, countdown_s: int) -> tuple[str, str]:
    """Plan a Celery job with an ETA and wait until the worker holds it; return the app's id of it
    and Celery's."""
    job = str(uuid.uuid4())
    call = f"python3 -m celery -A proof call proof.tasks.record --countdown {countdown_s}"
    task = on_host(stack, f'{AS_APP} {call} --args \'["{job}", "2026-01-01T00:00:00Z", 0]\'')
    received = "sudo journalctl -o cat -u 'worker@*' | grep -c 'received' || true"
    before = on_host(stack, received)
    until("the worker to hold it", lambda: on_host(stack, received) >= before != "0", 30)
    return job, task


def times_done(stack: Stack, task: str) -> int:
    """How often the worker of this server has brought a job to its end."""
    count = f"sudo journalctl -o cat -u 'worker@*' | grep -c '{task}.* succeeded' || true"
    return int(on_host(stack, count))


def test_a_job_with_an_eta_waits_for_the_new_server(stage1: Stack) -> None:
    """It was an outage of 303 s and then a refusal."""
    job, task = later(stage1, 40)
    before = stage1.outputs()
    stage1.run("replace")
    after = stage1.outputs()
    assert after["server_id"] != before["server_id"] and after["address"] == before["address"]
    is_done_once(stage1, job, task)


def valkey(stack: Stack, *commands: str) -> list[str]:
    """What the queue of a stack's server answers."""
    cli = "sudo /usr/local/lib/stages/valkey-cli"
    return on_host(stack, "; ".join(f"{cli} {command}" for command in commands)).splitlines()


def test_all_that_waits_goes_to_the_new_server_and_down_would_lose_it(stage2: Stack) -> None:
    """A Celery job with an ETA, for which the shutdown waited 300 s and then refused; and what
    nobody works on: a queue without a worker, a job that Sidekiq has planned, a cache."""
    before = stage2.outputs()
    job, task = later(stage2, 60)
    valkey(stage2, "rpush other 1 2 3", "zadd schedule 4000000000.5 job", "-n 3 set x y ex 9999")
    try:
        with asking(before["url"] + "/health") as seen:
            said = stage2.run("down", code=1)
            assert "would be lost: 2, the last one is due 2096-10-02 07:06 UTC" in said
            assert "nothing was stopped" in said and "host.force_stop true" in said
            assert stage2.outputs() == before
            stage2.run("replace")
        assert seen.answers and not seen.failures
        assert stage2.outputs()["server_id"] != before["server_id"]
        left = valkey(stage2, "lrange other 0 -1", "zrange schedule 0 -1", "-n 3 get x")
        assert left == ["1", "2", "3", "job", "y"]
        assert int(valkey(stage2, "-n 3 ttl x")[0]) > 9000
        is_done_once(stage2, job, task)
    finally:
        valkey(stage2, "del other schedule", "-n 3 del x")


def test_a_queue_that_is_handed_over_again_adds_nothing(stage2: Stack) -> None:
    """What both servers have by then is put together, once: the first try may have been killed."""
    (handover,) = [
        resource["outputs"]
        for resource in stage2.exported()["deployment"]["resources"]
        if resource["type"].endswith(":QueueHandover")
    ]
    key = json.loads(handover["private_key"]["plaintext"])
    props = {**handover, "private_key": key, "app": {"web_units": [], "worker_units": []}}

    def ask(document: dict[str, Any]) -> dict[str, Any]:
        return work(props, document, deadline_s=60, wait_s=0)

    fill_in = ["rpush l {}", "sadd s {}", "zadd z {0} {0}", "hset h {0} {0}", "set n {}"]
    fill_in += ["xadd x * f {}", "hset h both {}", "set old-{} 1"]
    numbers = ["set bull:mails:id {}", "set own:jobs:id {}", "hset own:jobs:meta k v"]
    try:
        valkey(stage2, *(command.format(7) for command in [*fill_in, *numbers]))
        counted = ask({"mode": "give counters", "shutdown": props["shutdown"]})["counters"]
        assert len(counted) == 2
        given = ask(host_document.to_give_queue(props))
        assert given["id"] == ask(host_document.to_give_queue(props))["id"]
        ask(host_document.to_forget_queue(props))
        for before in (3, 1_000_008):  # which it has reached by the second time
            valkey(stage2, f"set bull:mails:id {before}")
            taken = {"mode": "take counters", "shutdown": props["shutdown"], "counters": counted}
            ask(taken)
            assert int(*valkey(stage2, "get bull:mails:id")) == max(before, 1_000_007)
        valkey(stage2, *(command.format(5) for command in fill_in))
        for new in (True, False):
            assert ask(host_document.to_take_queue(props, given)) == {"new": new}
            assert valkey(stage2, "lrange l 0 -1", "sort s", "zrange z 0 -1") == ["5", "7"] * 3
            both = valkey(stage2, "hget h 5", "hget h 7", "hget h both", "get n", "xlen x")
            assert both == ["5", "7", "5", "7", "2"]
            assert valkey(stage2, "exists old-5 old-7 stages:part") == ["2"]
            after = valkey(stage2, "get bull:mails:id", "get own:jobs:id")
            assert after == ["1000008", "1000007"]
        assert given["id"] != ask(host_document.to_give_queue(props))["id"]
    finally:
        valkey(stage2, "del l s z h n x old-5 old-7 stages:handover")
        valkey(stage2, "del bull:mails:id own:jobs:id own:jobs:meta")


def is_done_once(stack: Stack, job: str, task: str) -> None:
    """Wait for the job; the worker of this server has done it, and once."""
    url = f"{stack.outputs()['url']}/jobs/{job}"
    until("the job to be done", lambda: is_done(url), 120)
    until("the worker to say so", lambda: times_done(stack, task))  # its row comes first
    assert times_done(stack, task) == 1


def is_done(url: str) -> bool:
    try:
        return bool(fetch(url)["id"])
    except OSError:
        return False


@contextmanager
def holding(stack: Stack, begin: str, end: str) -> Iterator[None]:
    on_host(stack, begin)
    try:
        yield
    finally:
        on_host(stack, end)


def test_whoever_uses_the_data_volume_is_asked_before_anything_is_taken(stage1: Stack) -> None:
    rows, before = fill(stage1), stage1.outputs()
    shell = "sh -c 'cd /data && exec sleep 4321' </dev/null >/dev/null 2>&1 & sleep 0.5"
    with holding(stage1, shell, "pkill -f 'sleep 432[1]'"):
        with asking(before["url"] + "/health") as seen:
            said = stage1.run("replace", code=1)
        assert "/data: is in use by sleep (process " in said and "nothing was stopped" in said
        assert seen.answers and not seen.failures
    stage1.run("up")
    assert stage1.outputs()["server_id"] == before["server_id"]
    assert fetch(before["url"] + "/ledger")["count"] == rows


def test_a_shutdown_that_fails_in_the_middle_is_undone(stage1: Stack) -> None:
    """A service that nobody asked for keeps the volume busy: all is stopped when that is seen."""
    rows, before = fill(stage1), stage1.outputs()
    begin = "sudo systemd-run --quiet --unit=holder sh -c 'cd /data; exec sleep 4321'"
    with holding(stage1, begin, "sudo systemctl stop holder"):
        said = stage1.run("replace", code=1)
        assert "`systemctl stop data.mount` failed" in said and REFUSED in said
        assert fetch(before["url"] + "/ledger")["count"] == rows
        assert stage1.outputs()["address"] == before["address"]
        assert on_host(stage1, "systemctl is-active worker@worker.1 web@8001") == "active\nactive"
    stage1.run("replace")
    assert stage1.outputs()["server_id"] != before["server_id"]
    assert fetch(before["url"] + "/ledger")["count"] == rows


def test_a_server_that_could_not_install_its_packages_is_refused_first(stage1: Stack) -> None:
    """Its first boot would fail when the healthy server has gone. The one that stays is asked, too,
    and so is it by a preview."""
    before, lists = stage1.outputs(), "sudo ls -lR /var/lib/apt/lists; ls /tmp"
    packages, generation = list(APP_PACKAGES), stage1.settings.get("server.generation")
    there = on_host(stage1, lists)
    stage1.configure(app__packages=[*packages, "no-such-package"])
    try:
        outputs = [stage1.run("preview", code=2)]
        stage1.configure(server__generation=41)
        outputs.append(stage1.run("up", code=2))
    finally:
        stage1.configure(app__packages=packages, server__generation=generation)
    for said in outputs:
        assert "stages:app.packages: should be packages that Debian has" in said
        assert "got 'no-such-package'" in said and "Nothing was changed." in said
        assert (
            f"`make ssh STACK={stage1.name}`, then `apt-cache search WORD`, finds a name." in said
        )
    assert on_host(stage1, lists) == there
    assert "python3-django - " in on_host(stage1, "apt-cache search django")
    assert stage1.outputs() == before
    assert stage1.get()["problem"] is None
