"""A worker that crashes in a loop, and one that eats memory: the web processes keep serving.

Where the machine gives hosts no memory controller of their own (hybrid cgroups), the worker's limit
is only written down, and what ends the worker is the size of the whole host. Then the test shows
that, and that the limits are what a machine with the controller would hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from components.clouds.local.hosts.nspawn import Host
from components.host import memory
from tests.real.faults.faults import run_of
from tests.real.faults.product import BACK_S, Product
from tests.real.stages.test_changes import asking
from tests.support.waiting import until

pytestmark = pytest.mark.real

WORKER = "worker@worker.1.service"
DROP_IN = f"/run/systemd/system/{WORKER}.d/90-test.conf"
EATER = "kept = []\nwhile True:\n    kept.append(b'x' * 2**22)\n"


def show(host: Host, unit: str, field: str) -> str:
    return host.run(["systemctl", "show", "--value", "-p", field, unit]).stdout.strip()


@contextmanager
def worker_is(host: Host, command: str) -> Iterator[None]:
    """Another worker, with the limits of the product's own."""
    host.put(DROP_IN, f"[Service]\nExecCondition=\nExecStart=\nExecStart={command}\n")
    restart = f"systemctl daemon-reload; systemctl restart --no-block {WORKER}"
    host.run(["sh", "-c", restart])
    try:
        yield
    finally:
        host.run(["sh", "-c", f"rm -f {DROP_IN} /srv/app/eater; {restart}"])


def web_runs(host: Host) -> dict[str, str]:
    listed = host.run(["systemctl", "list-units", "--plain", "--no-legend", "web@*.service"])
    return {unit: run_of(host, unit) for unit in (x.split()[0] for x in listed.stdout.splitlines())}


def restarts(host: Host) -> int:
    return int(show(host, WORKER, "NRestarts"))


def test_a_worker_that_crashes_in_a_loop(products: dict[int, Product]) -> None:
    product = products[1]
    app = product.app
    before = web_runs(app)
    with asking(f"{product.url}/health") as seen, worker_is(app, "/bin/sh -c 'exit 1'"):
        until("the worker to have crashed three times", lambda: restarts(app) >= 3, BACK_S)
        status = product.stack.run("status", code=1)
        assert f"{WORKER}: crash loop: started " in status
        assert f"COMMAND='sudo journalctl -n 50 -u {WORKER}'" in status
    assert seen.failures == [] and seen.answers > 0
    assert web_runs(app) == before != {}
    product.wait_for_a_job()


def test_a_worker_that_eats_memory(products: dict[int, Product]) -> None:
    product = products[1]
    app = product.app
    before, size_mib = web_runs(app), app.spec().memory_mib
    app.put("/srv/app/eater", EATER)
    with asking(f"{product.url}/health") as seen, worker_is(app, "/usr/bin/python3 /srv/app/eater"):
        until("the worker to be ended", lambda: restarts(app) >= 1, BACK_S)
        ended = app.run(["journalctl", "-u", WORKER, "-n", "40", "-o", "cat"]).stdout
    assert "status=9/KILL" in ended, ended
    assert seen.failures == [] and seen.answers > 0
    assert web_runs(app) == before != {}
    product.wait_for_a_job()

    shares = memory.shares(size_mib, database_here=True)
    limits = {"worker.slice": shares.worker_mib, "web.slice": shares.web_mib}
    for slice_, mib in limits.items():
        assert show(app, slice_, "MemoryMax") == str(mib * 2**20)
    assert show(app, WORKER, "Slice") == "worker.slice"
    assert {show(app, unit, "Slice") for unit in before} == {"web.slice"}
    assert sum(limits.values()) < size_mib
    controllers = app.run(["cat", "/sys/fs/cgroup/cgroup.controllers"]).stdout.split()
    if "memory" in controllers:
        assert "oom-kill" in ended, ended
    else:
        print("no memory controller inside a host here: the size of the whole host ended it")
