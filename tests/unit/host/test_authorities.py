"""Authorities that a host trusts: its files, and what the app is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.host.authorities import BUNDLE, ENVIRONMENT
from components.host.authorities import authorities as rendered
from tests.support import authorities
from tests.support.planned import Settled, settled

STACKS = ("aws-stage1", "digitalocean-stage2", "local-stage1")


def test_each_certificate_has_a_file_of_its_own_and_only_one() -> None:
    first, second = authorities.make("one"), authorities.make("two")
    (part,) = rendered([f"{first}\n{second}", first.replace("\n", "\r\n")])
    assert {file.content for file in part.files} == {first, second}
    paths = [Path(file.path) for file in part.files]
    assert {path.parent for path in paths} == {Path("/usr/local/share/ca-certificates")}
    assert all(path.name.startswith("stages-") and path.suffix == ".crt" for path in paths)
    assert len(set(paths)) == len(paths) == 2
    assert part.packages == ("ca-certificates",)


def test_without_a_certificate_there_is_nothing() -> None:
    assert rendered([]) == ()


def on_host(made: Settled) -> tuple[dict[str, str], list[str]]:
    """The app's environment file by line, and the authorities' texts."""
    (host,) = (inputs for name, inputs in made.open_inputs.items() if name.endswith("-host"))
    lines = host["secret_files"]["/etc/app/app.env"]["content"].splitlines()
    files = [file["content"] for path, file in host["files"].items() if path.endswith(".crt")]
    return dict(line.split("=", 1) for line in lines), files


@pytest.mark.parametrize("stack", STACKS)
def test_the_setting_reaches_the_host_on_every_cloud(stack: str) -> None:
    pem = authorities.make("company")
    own = {"PIP_CERT": "/srv/own.pem"}
    made = settled(stack, host__ca_certificates=[pem], app__environment=own)
    environment, files = on_host(made)
    assert files == [pem]
    wanted = {**dict.fromkeys(ENVIRONMENT, BUNDLE), **own}
    assert {name: json.loads(environment[name]) for name in ENVIRONMENT} == wanted


def test_without_the_setting_nothing_changes() -> None:
    environment, files = on_host(settled("local-stage1"))
    assert files == []
    assert not set(ENVIRONMENT) & set(environment)


def test_the_machines_own_reach_local_hosts_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGES_LOCAL_CA_CERTIFICATES", str(tmp_path))
    pem = authorities.make("company")
    (tmp_path / "company.crt").write_text(pem)
    assert on_host(settled("local-stage1"))[1] == [pem]
    assert on_host(settled("digitalocean-stage1"))[1] == []
