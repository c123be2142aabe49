"""The tunnels of a promotion: what stage 2 says opens no other on stage 1."""

from __future__ import annotations

import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.host import pgbouncer
from components.host.agent import promotion_record, promotion_tunnel, queue
from components.host.agent.report import Failed
from tests.support.planned import only, planned

HAS = {
    "POOLER_CERTIFICATE": "",
    "POOLER_DATABASES": "app_release = ",
    "POSTGRES_HBA": "stages_promotion_app ",
    "GATE": "",
}
"""What a promotion needs of stage 1: names of files, and a text in each."""
REAL = {name: str(getattr(promotion_tunnel, name)) for name in HAS}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0x+/="


TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1990 00000000:0000 0A 00000000:00000000 00:00000000 00000000   997        0 1
   1: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000   998        0 2
   2: 0100007F:1991 0100007F:E000 01 00000000:00000000 00:00000000 00000000   998        0 3
"""
"""Ports 6544 of the tunnel's login, 8000 of the app, and a connection of the app's from 6545."""


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that sshd reads."""
    for name in ("KEYS", "SSHD", "CA", "SITE", *HAS):
        monkeypatch.setattr(promotion_tunnel, name, tmp_path / name)
    for name, text in HAS.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(promotion_tunnel, "FOLDER", tmp_path)
    table = tmp_path / "tcp"
    table.write_text(TABLE)
    monkeypatch.setattr(promotion_tunnel, "LISTENING", (table,))
    monkeypatch.setattr(pwd, "getpwnam", lambda _: SimpleNamespace(pw_uid=998))
    for name in ("_must", "_open"):
        monkeypatch.setattr(promotion_tunnel, name, lambda _: None)
    return tmp_path / "KEYS"


def door(public: str) -> None:
    asked = {"from_address": "192.0.2.7", "public": public, "ca_pem": "", "bucket": ""}
    promotion_tunnel.door(asked)


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
    with pytest.raises(Failed, match="is not an ssh-ed25519 key"):
        door(public)
    assert not keys.exists()


def test_the_key_makes_no_sockets(keys: Path) -> None:
    """OpenSSH 10 asks ``permitlisten`` about ports alone: in the login's folders it could make them
    anywhere."""
    door(KEY)
    assert "\nAllowStreamLocalForwarding local\n" in keys.with_name("SSHD").read_text()


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("POOLER_CERTIFICATE", None, "a certificate of PgBouncer for its clients"),
        ("POOLER_DATABASES", "app = host=/var/run/postgresql", "a pool for the release command"),
        ("POSTGRES_HBA", "local app app peer", "an entry in pg_hba.conf for the promotion's roles"),
        ("GATE", None, "the gate that forwards visitors"),
    ],
)
def test_a_server_that_lacks_what_a_later_step_needs_is_refused_first(
    keys: Path, name: str, text: str | None, what: str
) -> None:
    assert promotion_tunnel.lacks(stage=1) == []
    keys.with_name(name).unlink()
    if text is not None:
        keys.with_name(name).write_text(text)
    with pytest.raises(Failed) as refused:
        door(KEY)
    assert str(refused.value) == f"this server: lacks {what}"
    assert refused.value.remedy == "Run `up` on stage 1."
    assert not keys.exists()


def test_a_port_that_the_app_has_taken_is_named_first(keys: Path) -> None:
    assert promotion_tunnel.taken() == []
    table = promotion_tunnel.LISTENING[0]
    table.write_text(TABLE.replace("01 00000000", "0A 00000000"))
    assert promotion_tunnel.taken() == [6545]
    with pytest.raises(Failed, match="the app: listens on port 6545, which a tunnel needs"):
        door(KEY)
    assert not keys.exists()


def test_a_key_and_a_password_that_a_killed_run_left_half_are_made_whole(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("KEY", "PUBLIC", "PASSWORD")
    key, public, password = (keys.with_name(name) for name in names)
    for name in names:
        monkeypatch.setattr(promotion_tunnel, name, keys.with_name(name))

    def generate(_argv: list[str]) -> None:
        assert not key.exists(), "ssh-keygen would ask"
        key.write_text("private")
        public.write_text(f"{KEY}\n")

    monkeypatch.setattr(promotion_tunnel, "_must", generate)
    key.write_text("")
    password.write_text("")
    made = promotion_tunnel.key({})
    assert made == {"public": KEY, "password": password.read_text()}
    assert len(password.read_text()) > 30
    assert promotion_tunnel.key({}) == made


def test_the_record_of_a_finished_promotion_takes_the_place_of_the_other(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one step: without any, an ``up`` would run migrations on the new database."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("FILE", "COMPARED", "COPIED_FILES"):
        monkeypatch.setattr(promotion_record, name, keys.with_name(name))
    monkeypatch.setattr(promotion_tunnel, "PASSWORD", keys.with_name("PASSWORD"))
    monkeypatch.setattr(promotion_tunnel, "_remove", lambda *_: None)
    promotion_record.write(phase="switched", side="from", other="shop2", app="there")
    with monkeypatch.context() as meanwhile, pytest.raises(KeyboardInterrupt):
        meanwhile.setattr(promotion_record, "write_json", killed)
        promotion_tunnel.finish({"side": "from", "other": "shop2"})
    assert promotion_record.moved_to() == "shop2"
    promotion_tunnel.finish({"side": "from", "other": "shop2"})
    assert promotion_record.read() == {"phase": "finished", "side": "from", "other": "shop2"}


def test_a_site_that_takes_no_forwarded_visitors_is_refused_first(keys: Path) -> None:
    keys.with_name("SITE").write_text("server {\n    listen 80;\n}\n")
    assert promotion_tunnel.lacks(stage=2) == ["a site in Nginx for forwarded visitors"]
    with pytest.raises(Failed, match="lacks a site in Nginx"):
        promotion_tunnel.web_tunnel({})


def test_what_a_promotion_needs_of_stage_1_is_what_its_plan_has() -> None:
    """The names and texts are those of today's ``up``."""
    files = only(planned("local-stage1"), "HostConfiguration")["inputs"]["files"]
    assert REAL["POOLER_CERTIFICATE"] == pgbouncer.CLIENT_PEM
    assert HAS["POSTGRES_HBA"] in files[REAL["POSTGRES_HBA"]]["content"]
    assert HAS["POOLER_DATABASES"] in files[REAL["POOLER_DATABASES"]]["content"]
    assert REAL["GATE"] in files


@pytest.mark.parametrize("end", ["close", "finish"])
def test_the_end_of_a_promotion_ends_a_copy_of_files_whose_run_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    commands: list[list[str]] = []
    for name in ("FOLDER", "KEY", "KNOWN", "PASSWORD", "CA", "UNITS"):
        monkeypatch.setattr(promotion_tunnel, name, tmp_path / name)
    monkeypatch.setattr(promotion_tunnel, "run", commands.append)
    monkeypatch.setattr(promotion_tunnel, "_authorize", lambda _: None)
    monkeypatch.setattr(queue, "bring_back", lambda: None)
    for name in ("FILE", "COMPARED", "COPIED_FILES"):
        monkeypatch.setattr(promotion_record, name, tmp_path / name)
    getattr(promotion_tunnel, end)({"side": "from", "other": "shop2"})
    assert commands[0] == ["systemctl", "stop", "stages-promotion-files.service"]
