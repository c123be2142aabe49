"""The authorities that the machine's administrator added."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from components.clouds.local.hosts.authorities import trusted_here
from tests.support import authorities


def test_hosts_get_those_that_can_vouch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGES_LOCAL_CA_CERTIFICATES", str(tmp_path))
    first, second = authorities.make("one"), authorities.make("two")
    (tmp_path / "company").mkdir()
    (tmp_path / "a.crt").write_text(f"# Größe\n{first}text\n{second}")
    (tmp_path / "company" / "again.crt").write_text(first)
    (tmp_path / "der.crt").write_bytes(ssl.PEM_cert_to_DER_cert(first))
    (tmp_path / "broken.crt").write_text(first.replace("M", "A", 2))
    (tmp_path / "expired.crt").write_text(authorities.make("old", until=2022))
    (tmp_path / "server.crt").write_text(authorities.make("server", may_issue=False))
    (tmp_path / "folder.crt").mkdir()
    (tmp_path / "other.pem").write_text(authorities.make("three"))
    assert trusted_here() == (first, second)


def test_a_machine_without_the_folder_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGES_LOCAL_CA_CERTIFICATES", str(tmp_path / "none"))
    assert trusted_here() == ()
