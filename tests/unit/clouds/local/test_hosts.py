"""Hosts that go while someone looks at them, and hosts that do not start."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from components.clouds.local.hosts import inventory, launch, machine, names, nspawn, process
from components.clouds.local.hosts.tree import Tree
from components.errors import UserError

SPEC = nspawn.Spec(
    image="/nowhere",
    bridge="stgnone",
    network="10.0.0.0/24",
    address="10.0.0.16",
    gateway="10.0.0.1",
    memory_mib=64,
    hostname="app",
)
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
    assert inventory.find("shop/app/abc") is not None
    assert host.marker() == {**MARKER, "known": True}


def test_another_token_is_another_host_and_not_known(host: nspawn.Host) -> None:
    assert inventory.find("shop/app/def") is None
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
    assert inventory.find("shop/app/abc") is None
    assert not host.folder.exists(), "half a marker would be a host without an end"
    host.note(complete=True)
    assert not host.folder.exists()


@pytest.fixture
def whole(host: nspawn.Host) -> nspawn.Host:
    """A host with files of its own; it is off."""
    (host.upper / "etc").mkdir(parents=True)
    host.note(spec=asdict(SPEC))
    return host


def test_a_host_that_is_removed_is_whole_until_its_names_are_written(
    whole: nspawn.Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine deletes a server while a database's name is taken away, or given."""
    really = Tree.put
    removing = threading.Thread(target=inventory.remove, args=(whole,))

    def slow(tree: Tree, path: str, text: str, *, mode: int, owner: int) -> bool:
        removing.start()
        removing.join(0.5)  # time enough for one that does not wait
        return really(tree, path, text, mode=mode, owner=owner)

    monkeypatch.setattr(Tree, "put", slow)
    names.publish("shop", "database", "10.0.0.64")
    removing.join(30)
    assert not whole.folder.exists()
    assert names.address_of("shop", "database") == "10.0.0.64"


def test_a_host_that_stops_meanwhile_is_written_to_all_the_same(
    whole: nspawn.Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = process.Process(2**22 + 1, 0)  # above the highest id there can be
    monkeypatch.setattr(nspawn.Host, "leader", lambda _: ended)
    assert whole.put("/etc/hosts", "127.0.0.1 localhost\n")
    assert (whole.upper / "etc/hosts").read_text() == "127.0.0.1 localhost\n"


def test_a_folder_that_a_killed_run_left_is_no_obstacle(host: nspawn.Host) -> None:
    """Killed before the marker was written, or after it was deleted."""
    (host.folder / "host.json").unlink()
    host.make(SPEC, None)
    assert host.spec() == SPEC
    host.remove()
    assert not host.folder.exists()


def test_a_host_is_found_until_its_last_file_has_gone(
    whole: nspawn.Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, seen = shutil.rmtree, []

    def look(path: Path, ignore_errors: bool = False) -> None:
        if path.is_relative_to(whole.folder):
            seen.append((path.name, inventory.every("shop") != []))
        really(path, ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", look)
    inventory.remove(whole)
    assert seen[-1] == ("app", True) and ("upper", True) in seen[:-1]
    assert inventory.every("shop") == []


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
