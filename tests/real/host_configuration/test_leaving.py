"""Whom a host answers to, and how it is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.errors import UserError
from components.host.model import Shutdown
from components.remote import ssh
from components.resources import host_configuration
from tests.real.app_host import (
    AppHost,
    Product,
)
from tests.real.host_configuration.steps import (
    apply,
    drift,
    provider,
    refused,
    release_of,
)

pytestmark = pytest.mark.real


def test_another_host_key_is_refused(host: AppHost, up: dict[str, Any]) -> None:
    other = host.host_key[:-8] + ("A" * 8 if not host.host_key.endswith("A" * 8) else "B" * 8)
    assert refused(dict(up, ssh_host_key=other)) == (
        f"{host.address}: answers with another host key than the pinned one: it is another "
        "machine, or someone is in between. If you replaced it yourself, replace the server "
        "through its stack as well."
    )


def test_a_shutdown_runs_in_order_and_one_that_fails_is_undone(
    host: AppHost, up: dict[str, Any]
) -> None:
    steps = Shutdown(
        drained="systemctl is-active worker.service && ! systemctl is-active web@8001.service",
        commands=(
            "systemctl is-active worker.service && exit 1; touch /run/bye",
            "umount /nowhere",
        ),
        timeout_s=5,
    )
    props = host.props(release_of(up), shutdown=steps)
    with pytest.raises(UserError, match="`umount /nowhere` failed") as caught:
        provider.delete("server-1", props)
    assert "`pulumi config set stages:host.force_stop true` (" in str(caught.value)
    assert "the host is back in service and the site answers as before" in str(caught.value)
    assert host.sh("ls /run/bye") == "/run/bye"
    assert host.sh("systemctl is-active web@8001 worker") == "active\nactive"
    provider.delete("server-1", dict(props, force_stop="yes"))
    apply(up)
    assert drift(up) == {}


def test_jobs_that_are_left_keep_the_host(host: AppHost, up: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="shutdown: jobs are left after 1 s"):
        provider.delete(
            "server-1",
            host.props(release_of(up), shutdown=Shutdown(drained="false", timeout_s=1)),
        )
    assert host.sh("systemctl is-active worker.service") == "active"


def test_no_job_is_killed_and_the_next_shutdown_waits_for_it_too(
    host: AppHost, product: Product, up: dict[str, Any]
) -> None:
    """The job outlives the unit's own limit of 5 s; the second shutdown finds it under way."""
    commit = product.commit("slow", leave_s=8)
    props = host.props(replace(release_of(up), commit=commit))
    apply(props)
    hurried = {**props, "shutdown": {**props["shutdown"], "timeout_s": "1"}}
    worker = host.sh("systemctl show -P InvocationID worker")
    for _ in range(2):
        with pytest.raises(UserError, match=r"worker.service: a job is still running after 1 s"):
            provider.delete("server-1", hurried)
        assert host.sh("systemctl is-active web@8001") == "active"
    assert host.sh("systemctl show -P InvocationID worker") == worker, "the same worker all along"
    provider.delete("server-1", props)
    assert host.sh("systemctl show -P ActiveState,Result worker") == "success\ninactive"


def test_a_silent_host_is_never_taken_for_gone(
    host: AppHost, up: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "CONNECT_TIMEOUT_S", 2)
    leader = host.host.leader()
    assert leader is not None
    daemon = host.sh("systemctl show -P MainPID ssh.service")
    host.sh(f"kill -STOP {daemon}")
    try:
        with pytest.raises(UserError) as caught:
            provider.delete("server-1", up)
        assert "no answer over SSH" in str(caught.value)
        assert "`pulumi config set stages:host.force_stop true` (" in str(caught.value)
        state = provider.read("server-1", host_configuration.outputs(up))
        assert state.id == "server-1"
        assert list((state.outs or {})["drift"]) == ["host"]
        provider.delete("server-1", dict(up, force_stop="yes"))
    finally:
        host.sh(f"kill -CONT {daemon}")


def test_a_host_that_is_off_needs_no_shutdown(host: AppHost, up: dict[str, Any]) -> None:
    host.host.stop()
    try:
        provider.delete("server-1", up)
        assert drift(up) == {"host": "is off"}
    finally:
        host.host.start()
        host.host.wait_for_ssh()
    apply(up)
    assert drift(up) == {}
