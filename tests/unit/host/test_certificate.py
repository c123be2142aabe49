"""The program around certbot, as far as no authority is needed, and the site that it is for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.host import certificate, nginx
from components.host.files.certificate import certificate as program
from components.host.model import Part

CONFIG = {"domain": "a.example", "address": "192.0.2.1", "server": "https://ca.example/Dir"}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr(program, "HERE", tmp_path / "tls")
    monkeypatch.setattr(program, "SERVED", tmp_path / "tls" / "served")
    return {**CONFIG, "store": str(tmp_path / "store")}


def served() -> tuple[str, str]:
    return (
        (program.SERVED / "fullchain.pem").read_text(),
        (program.SERVED / "privkey.pem").read_text(),
    )


def test_self_signed_until_there_is_one_of_the_authority(config: dict[str, str]) -> None:
    program.prepare(config)
    first = served()
    assert "BEGIN CERTIFICATE" in first[0] and "PRIVATE KEY" in first[1]
    assert (program.SERVED / "privkey.pem").stat().st_mode & 0o777 == 0o600
    program.prepare(config)
    assert served() == first
    live = program.lineage(config)
    live.mkdir(parents=True)
    (live / "fullchain.pem").write_text("chain")
    (live / "privkey.pem").write_text("key")
    program.prepare(config)
    assert served() == ("chain", "key")


def test_the_pair_of_another_server_is_good_until_there_is_one(config: dict[str, str]) -> None:
    program.prepare(config)
    live, brought = program.lineage(config), program.HERE / program.BROUGHT / "a.example"
    for folder, name in ((brought, "of stage 1"), (live, "own")):
        folder.mkdir(parents=True)
        (folder / "fullchain.pem").write_text(name)
        (folder / "privkey.pem").write_text(f"key {name}")
        program.prepare(config)
        assert served() == (name, f"key {name}")


def test_what_is_not_served_goes_when_it_is_tidied(config: dict[str, str]) -> None:
    program.prepare(config)
    program.prepare({**config, "domain": "b.example"})
    assert len(list(program.HERE.glob("pair-*"))) == 2
    program.tidy()
    assert list(program.HERE.glob("pair-*")) == [program.SERVED.resolve()]


def test_each_authority_has_a_folder_of_its_own() -> None:
    folders = {
        str(program.lineage({**CONFIG, "store": "/s", "server": server}))
        for server in ("https://ca.example/Dir", "https://staging.ca.example:14000/dir")
    }
    assert folders == {
        "/s/ca.example_dir/live/a.example",
        "/s/staging.ca.example_14000_dir/live/a.example",
    }


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            "  Type:   dns\n  Detail: no valid A records\nHint: x\nAsk for help",
            "no valid A records",
        ),
        (
            "Saving debug log\nConnectionError: refused\nSee the logfile x",
            "ConnectionError: refused",
        ),
        ("", "certbot failed without a word"),
    ],
)
def test_the_reason_is_one_line(output: str, reason: str) -> None:
    assert program.reason(output) == reason


def part(mount: str | None) -> Part:
    return certificate.certificate(
        domain="a.example",
        server="https://ca.example/dir",
        authority="PEM\n",
        email=None,
        mount=mount,
    )


def test_the_program_is_told_where_the_part_keeps_things() -> None:
    files = {file.path: file.content for file in part("/data").files}
    config = json.loads(files[certificate.CONFIG])
    assert (config["ca"], config["store"]) == (certificate.AUTHORITY, "/data/tls")
    assert files[certificate.AUTHORITY] == "PEM\n"
    address = certificate.address("192.0.2.1")
    assert (address.path, address.content) == (str(program.ADDRESS), "192.0.2.1\n")
    assert {str(program.CONFIG), str(program.SERVED)} == {certificate.CONFIG, certificate.SERVED}
    assert certificate.STORE.startswith(f"{program.HERE}/")


def test_a_run_waits_for_the_volume_that_keeps_the_certificate() -> None:
    def unit(mount: str | None) -> str:
        return next(f.content for f in part(mount).files if f.path.endswith("certbot.service"))

    assert "RequiresMountsFor=/data\n" in unit("/data")
    assert "ReadWritePaths=/run /var /data\n" in unit("/data")
    assert "RequiresMountsFor" not in unit(None)


def test_nginx_makes_sure_of_a_certificate_before_it_reads_its_files() -> None:
    (service,) = nginx.nginx(web_ports=(1,), domain="a.example").services
    assert service.check == "/usr/local/lib/stages/certificate prepare && nginx -t -q"
    assert {certificate.CONFIG, certificate.ADDRESS, nginx.TLS} <= set(service.reload_on)
    (plain,) = nginx.nginx(web_ports=(1,)).services
    assert plain.check == "nginx -t -q"
