"""The way to a server: the recorded address, unless its cloud says otherwise."""

from __future__ import annotations

import sys
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from components.clouds.local.hosts import machine
from components.remote import ssh
from components.seam import power
from components.seam.power import Route


def put(monkeypatch: pytest.MonkeyPatch, **names: object) -> None:
    """Put a ``power`` module into the local cloud's place."""
    module = ModuleType("components.clouds.local.account.power")
    module.__spec__ = spec_from_loader(module.__name__, loader=None)
    for name, value in names.items():
        setattr(module, name, value)
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_a_cloud_that_knows_no_other_way_leaves_the_recorded_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(monkeypatch, server_state=lambda server: "running")
    assert power.route("local", "s", "10.0.0.1") == Route(host="10.0.0.1")


def test_a_cloud_that_knows_another_way_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, route=lambda server, host: Route(host=f"{server} after {host}"))
    assert power.route("local", "s", "10.0.0.1") == Route(host="s after 10.0.0.1")


def test_a_tunnel_is_sshs_proxy_command() -> None:
    plain = ssh.Target(host="h", host_key="ssh-ed25519 AAAA", login="ops")
    assert not [word for word in ssh.argv(plain, Path("/f"), "true") if "ProxyCommand" in word]
    tunnel = ssh.Target(
        host="h", host_key="ssh-ed25519 AAAA", login="ops", proxy_command="tunnel --to h"
    )
    argv = ssh.argv(tunnel, Path("/f"), "true")
    assert argv[argv.index("ProxyCommand=tunnel --to h") - 1] == "-o"


def test_waits_for_a_host_scale_with_the_machine_that_carries_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "patience", lambda: 13.05)
    way = power.route("local", "stack/app/1", "10.0.0.1")
    slow = ssh.target(way, host_key="ssh-ed25519 AAAA", login="ops")
    argv = ssh.argv(slow, Path("/f"), "true")
    assert {"ConnectTimeout=105", "ServerAliveInterval=66"} <= set(argv)
