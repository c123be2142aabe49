"""A server goes only when it can: what refuses is asked first, and a refusal leaves the site up."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.real.clone import SAMPLE, Stack, fetch
from tests.real.stages.test_changes import asking, fill, on_host
from tests.real.waiting import until

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
    received = "sudo journalctl -o cat -u worker | grep -c 'received' || true"
    before = on_host(stack, received)
    until("the worker to hold it", lambda: on_host(stack, received) >= before != "0", 30)
    return job, task


def times_done(stack: Stack, task: str) -> int:
    """How often the worker of this server has brought a job to its end."""
    count = f"sudo journalctl -o cat -u worker | grep -c '{task}.* succeeded' || true"
    return int(on_host(stack, count))


def test_a_job_with_an_eta_waits_for_the_new_server(stage1: Stack) -> None:
    """It was an outage of 303 s and then a refusal."""
    job, task = later(stage1, 40)
    before = stage1.outputs()
    stage1.run("replace")
    after = stage1.outputs()
    assert after["server_id"] != before["server_id"] and after["address"] == before["address"]
    done = f"{after['url']}/jobs/{job}"
    until("the job to be done", lambda: is_done(done), 120)
    assert times_done(stage1, task) == 1


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
        assert on_host(stage1, "systemctl is-active worker web@8001") == "active\nactive"
    stage1.run("replace")
    assert stage1.outputs()["server_id"] != before["server_id"]
    assert fetch(before["url"] + "/ledger")["count"] == rows


def test_a_server_that_could_not_install_its_packages_is_refused_first(stage1: Stack) -> None:
    """Its first boot would fail when the healthy server has gone."""
    before = stage1.outputs()
    packages, generation = SAMPLE["app.packages"], stage1.settings.get("server.generation")
    assert isinstance(packages, list)
    stage1.configure(app__packages=[*packages, "no-such-package"], server__generation=41)
    try:
        said = stage1.run("up", code=2)
    finally:
        stage1.configure(app__packages=packages, server__generation=generation)
    assert "stages:app.packages: should be packages that Debian has" in said
    assert "got 'no-such-package'" in said and "Nothing was changed." in said
    assert stage1.outputs() == before
    assert stage1.get()["problem"] is None
