"""Hosts that go while someone looks at them, and hosts that do not start."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.clouds.local import hosts, launch, machine, nspawn
from components.errors import UserError

MARKER = {"token": "abc", "known": False, "nodes": {}}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nspawn.Host:
    """A host of which there is nothing but its marker."""
    monkeypatch.setenv("STAGES_LOCAL_ROOT", str(tmp_path))
    folder = tmp_path / "shop" / "hosts" / "app"
    folder.mkdir(parents=True)
    machine.write_json(folder / "host.json", MARKER)
    return nspawn.Host(folder)


def test_a_host_is_known_once_it_is_asked_for(host: nspawn.Host) -> None:
    assert hosts.find("shop/app/abc") is not None
    assert host.marker() == {**MARKER, "known": True}


def test_another_token_is_another_host_and_not_known(host: nspawn.Host) -> None:
    assert hosts.find("shop/app/def") is None
    assert host.marker() == MARKER


def test_a_host_that_goes_meanwhile_leaves_nothing(
    host: nspawn.Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = machine.lock

    @contextmanager
    def too_late(folder: Path) -> Iterator[None]:
        shutil.rmtree(folder)
        with really(folder):
            yield

    monkeypatch.setattr(machine, "lock", too_late)
    assert hosts.find("shop/app/abc") is None
    assert not host.folder.exists(), "half a marker would be a host without an end"
    host.note(complete=True)
    assert not host.folder.exists()


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["sh", "-c", "echo no such group; exit 3"], "sh does not start it: no such group"),
        (["false"], "false does not start it: exit code 1"),
        (["/no/such"], "/no/such does not start it: /no/such: No such file or directory"),
    ],
)
def test_a_host_that_does_not_start_is_one_sentence(
    tmp_path: Path, argv: list[str], says: str
) -> None:
    with pytest.raises(UserError) as error:
        launch._start(argv, tmp_path / "console", "app")
    assert str(error.value).startswith("Host app: ")
    assert says in str(error.value)


def test_one_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "TIMEOUT_S", 0.1)
    with pytest.raises(UserError) as error:
        launch._start(["sleep", "60"], tmp_path / "console", "app")
    assert str(error.value) == "Host app: sleep does not start it: no end after 0.1 s"
