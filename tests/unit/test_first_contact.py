"""The one-use host key and the pin, as far as no server is needed.

The session itself is shown on a real host: ``tests/real/test_first_contact.py``.
"""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from components.errors import UserError
from components.remote import ssh
from components.resources import first_contact
from components.resources.first_contact import (
    FirstContactKeyProvider,
    PinnedHostKeyProvider,
    make_key,
)


def test_the_key_is_a_pair_that_openssh_reads(tmp_path: Path) -> None:
    private, public = make_key()
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_text(private)
    done = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(file)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[:2] == public.split()[:2]


def test_the_key_is_of_another_type_than_the_host_s_own() -> None:
    """sshd answers with one key of each type: of the same type it would hide the host's own."""
    assert make_key()[1].split()[0] == "ecdsa-sha2-nistp256"
    assert first_contact.OWN_TYPE == "ssh-ed25519"


def test_every_key_is_new() -> None:
    assert make_key() != make_key()


def test_a_new_generation_has_a_new_key() -> None:
    made = FirstContactKeyProvider().create({"generation": "1", "private": None, "public": None})
    assert made.outs is not None
    same = FirstContactKeyProvider().diff("key", made.outs, {"generation": "1"})
    assert (same.changes, same.replaces) == (False, [])
    new = FirstContactKeyProvider().diff("key", made.outs, {"generation": "2"})
    assert (new.changes, new.replaces) == (True, ["generation"])


PINNED: dict[str, Any] = {
    "cloud": "digitalocean",
    "server_id": "4711",
    "ssh_host": "198.51.100.7",
    "port": "22",
    "first_key": "ecdsa-sha2-nistp256 AAAA",
    "login": "ops",
    "private_key": "",
    "delete_before_replace": "",
}


def test_another_server_is_another_pin() -> None:
    for server_id in ("4712", UNKNOWN):
        diff = PinnedHostKeyProvider().diff("4711", PINNED, {**PINNED, "server_id": server_id})
        assert (diff.changes, diff.replaces) == (True, ["server_id"])
        assert not diff.delete_before_replace


def test_a_pin_goes_first_where_its_server_does() -> None:
    news = {**PINNED, "server_id": "4712", "delete_before_replace": "yes"}
    assert PinnedHostKeyProvider().diff("4711", PINNED, news).delete_before_replace


@pytest.mark.parametrize("key", ["ssh_host", "first_key", "login", "private_key"])
def test_nothing_else_moves_a_pin(key: str) -> None:
    """The one-use key is gone from the host by now: a new pin could not be made."""
    diff = PinnedHostKeyProvider().diff("4711", PINNED, {**PINNED, key: "another"})
    assert (diff.changes, diff.replaces) == (False, [])


def test_a_refresh_asks_nobody() -> None:
    props = {**PINNED, "host_key": "ssh-ed25519 AAAA"}
    read = PinnedHostKeyProvider().read("4711", props)
    assert (read.id, read.outs) == ("4711", props)


def test_a_server_that_does_not_answer_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = taken.getsockname()[1]
        target = ssh.Target(host="127.0.0.1", port=port, host_key=make_key()[1], login="ops")
        with pytest.raises(UserError) as error:
            first_contact.own_key(target, wait_s=0)
    assert str(error.value) == (
        "127.0.0.1: no first answer over SSH"
        f" (ssh: connect to host 127.0.0.1 port {port}: Connection refused)"
    )
    assert error.value.exit_code == 1
