"""The way between the two servers of a promotion: what stage 2 says opens no other on stage 1."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.host import pgbouncer
from components.host.agent import promotion_way
from components.host.agent.report import Failed

POOLER_CERTIFICATE = str(promotion_way.POOLER_CERTIFICATE)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0x+/="


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that sshd reads."""
    for name in ("KEYS", "SSHD", "CA", "POOLER_CERTIFICATE"):
        monkeypatch.setattr(promotion_way, name, tmp_path / name)
    (tmp_path / "POOLER_CERTIFICATE").touch()
    monkeypatch.setattr(promotion_way, "FOLDER", tmp_path)
    for name in ("_must", "_open"):
        monkeypatch.setattr(promotion_way, name, lambda _: None)
    return tmp_path / "KEYS"


def door(public: str) -> None:
    promotion_way.door({"from_address": "192.0.2.7", "public": public, "ca_pem": ""})


@pytest.mark.parametrize("public", [KEY, f"{KEY} promotion"])
def test_a_key_has_its_limits(keys: Path, public: str) -> None:
    door(public)
    (line,) = keys.read_text().splitlines()
    assert line.startswith('restrict,port-forwarding,from="192.0.2.7",permitopen="')
    assert line.endswith(f" {public}")


@pytest.mark.parametrize(
    "public",
    [
        f"{KEY} promotion\n{KEY} without limits",
        f"{KEY}\r{KEY}",
        f"x {KEY}",
        f'permitopen="*:*" {KEY}',
        "",
    ],
)
def test_nothing_but_one_key_is_let_in(keys: Path, public: str) -> None:
    with pytest.raises(Failed, match="is no ssh-ed25519 key"):
        door(public)
    assert not keys.exists()


def test_the_key_makes_no_sockets(keys: Path) -> None:
    """OpenSSH 10 asks ``permitlisten`` about ports alone: in the login's folders it could make them
    anywhere."""
    door(KEY)
    assert "\nAllowStreamLocalForwarding local\n" in keys.with_name("SSHD").read_text()


def test_a_pooler_that_could_not_read_the_settings_of_the_switch_is_refused(keys: Path) -> None:
    keys.with_name("POOLER_CERTIFICATE").unlink()
    with pytest.raises(Failed) as refused:
        door(KEY)
    assert str(refused.value) == "pgbouncer: has no certificate for its clients"
    assert refused.value.remedy == "Run `up` on stage 1."
    assert not keys.exists()
    assert POOLER_CERTIFICATE == pgbouncer.CLIENT_PEM
