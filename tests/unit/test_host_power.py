"""How ssh takes the way to a server that its cloud names."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.clouds.local.hosts import machine
from components.remote import power, ssh


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
