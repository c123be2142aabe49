"""``status`` says what is wrong on a host, where, and what to do; each was once told as "up"."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.real.faults.faults import BALLAST
from tests.real.faults.product import BACK_S, Product
from tests.support.waiting import until

pytestmark = pytest.mark.real

VALKEY = "valkey-server.service"
DROP_IN = f"/run/systemd/system/{VALKEY}.d/90-test.conf"
BROKEN = """\
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=
ExecStart=/bin/false
RestartSec=1
"""


def asked(product: Product) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(product.stack.run("status", "--json"))
    return status


def test_every_service_and_disk_of_a_host_is_asked(products: dict[int, Product]) -> None:
    product = products[1]
    status = asked(product)
    assert status["healthy"] is True and status["troubles"] == []
    assert {"postgresql@17-main.service", "pgbouncer.service", "nginx.service", VALKEY} <= {
        *status["units"]
    }
    assert "worker@worker.1.service" in status["units"] and status["boot"] == "done"
    assert {"/", "/data"} <= {disk["where"] for disk in status["disks"]}


def test_a_full_volume_is_told(products: dict[int, Product]) -> None:
    app = products[1].app
    fill = (
        "left=$(df --output=avail -k /data | tail -n 1); "
        f'fallocate -l "$((left - 8192))K" {BALLAST}'
    )
    app.run(["sh", "-c", fill])
    try:
        status = products[1].stack.run("status", code=1)
    finally:
        app.run(["rm", "-f", BALLAST])
    assert "NOT HEALTHY" in status
    assert "    /data: 9" in status or "    /data: 100" in status
    assert "% full, " in status and "Grow stages:data.volume_gib" in status


def test_a_queue_that_loops_is_told(products: dict[int, Product]) -> None:
    product = products[1]
    app = product.app
    app.put(DROP_IN, BROKEN)
    restart = f"systemctl daemon-reload; systemctl restart --no-block {VALKEY}"
    app.run(["sh", "-c", restart])
    show = ["systemctl", "show", "--value", "-p", "NRestarts", VALKEY]
    try:
        until("three restarts", lambda: int(app.run(show).stdout or 0) >= 3, BACK_S)
        status = product.stack.run("status", code=1)
    finally:
        app.run(["sh", "-c", f"rm -f {DROP_IN}; systemctl reset-failed {VALKEY}; {restart}"])
    assert f"{VALKEY}: crash loop: started " in status
    assert f"COMMAND='sudo journalctl -n 50 -u {VALKEY}'" in status
    product.wait_for_a_job()
