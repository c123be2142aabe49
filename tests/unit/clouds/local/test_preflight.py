"""What the machine lacks is told in one sentence each, before anything is made."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from components.clouds.local.account import passage, preflight
from components.clouds.local.hosts import machine, ownership
from components.clouds.local.net import bridge, joined
from components.errors import UserError
from components.settings import Settings

CIDR = "10.97.1.0/24"


def texts(errors: list[UserError]) -> list[str]:
    assert all(error.exit_code == 2 for error in errors)
    return [str(error) for error in errors]


@pytest.fixture(autouse=True)
def able(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that lacks nothing, whatever the one is that runs this."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(preflight, "missing_programs", lambda: None)
    monkeypatch.setattr(preflight, "_file_system", lambda folder: "ext2/ext3")
    monkeypatch.setattr(preflight, "_loops", lambda: None)
    monkeypatch.setattr(preflight, "free_mib", lambda: 100_000)
    monkeypatch.setattr(bridge, "check_free", lambda network: None)
    monkeypatch.setattr(preflight, "INOTIFY", root / "unlimited")
    monkeypatch.setattr(passage, "check", lambda network: [])


def test_a_machine_that_lacks_nothing(root: Path) -> None:
    assert preflight.preflight("mine", CIDR) == []
    assert not root.exists()


def test_no_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert texts(preflight.preflight("mine", CIDR)) == [
        "The local cloud needs Linux, got Darwin. "
        "Use a Linux machine or virtual machine, or one of the other clouds"
    ]


def test_no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert texts(preflight.preflight("mine", CIDR)) == [
        "The local cloud needs root, for containers and networks. Use sudo"
    ]


def test_missing_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    which = shutil.which
    absent = ("mmdebstrap", "systemd-nspawn")
    monkeypatch.setattr(shutil, "which", lambda name: None if name in absent else "/bin/" + name)
    assert str(preflight.missing_programs()) == (
        "The local cloud needs systemd-nspawn, mmdebstrap. "
        "On Debian or Ubuntu: apt-get install --no-install-recommends mmdebstrap systemd-container"
    )
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/" + name)
    assert preflight.missing_programs() is None
    assert which is not shutil.which


def test_too_little_disk(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "free_mib", lambda: 4999)
    assert texts(preflight.preflight("mine", CIDR)) == [
        f"{root}: should have 5000 MiB free, got 4999 MiB. "
        "Free some, or set STAGES_LOCAL_ROOT to a folder on a larger disk"
    ]
    monkeypatch.setattr(preflight, "free_mib", lambda: 5000)
    assert preflight.preflight("mine", CIDR) == []


def test_the_disk_is_that_of_the_root_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("STAGES_LOCAL_ROOT", str(root / "not" / "there"))
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(
        shutil, "disk_usage", lambda folder: usage(7 * 1024**2 if folder == root.parent else 0)
    )
    assert preflight.free_mib() == 7


def test_a_root_folder_with_mount_options_in_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGES_LOCAL_ROOT", str(tmp_path / "a,b"))
    assert texts(preflight.preflight("mine", CIDR)) == [
        "STAGES_LOCAL_ROOT: should be a path without spaces, commas, colons and backslashes, "
        f"got '{tmp_path}/a,b'. Set it to such a folder"
    ]


def test_a_root_folder_on_an_overlay(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_file_system", lambda folder: "overlayfs")
    assert texts(preflight.preflight("mine", CIDR)) == [
        "STAGES_LOCAL_ROOT: should be on a disk of its own (ext4, xfs, btrfs), "
        f"got '{root} on overlayfs'. Set it to such a folder"
    ]


def test_a_root_folder_that_is_a_file(root: Path) -> None:
    root.write_text("")
    assert texts(preflight.preflight("mine", CIDR)) == [
        f"STAGES_LOCAL_ROOT: should be a folder that can be written to, got '{root}'. "
        "Set it to such a folder"
    ]


def test_a_root_folder_that_cannot_be_written_to(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file system that is mounted read-only; root's rights count for nothing there."""
    monkeypatch.setenv("STAGES_LOCAL_ROOT", "/proc/sys/stages")
    assert texts(preflight.preflight("mine", CIDR)) == [
        "STAGES_LOCAL_ROOT: should be a folder that can be written to, got '/proc/sys'. "
        "Set it to such a folder"
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", "\0\0\0\0", "\udcff"])
def test_notes_of_the_cloud_that_were_damaged(root: Path, text: str) -> None:
    note = machine.stack_folder("mine") / "owner.json"
    note.parent.mkdir(parents=True)
    note.write_bytes(text.encode(errors="surrogateescape"))
    assert texts(preflight.preflight("mine", CIDR)) == [
        f"{note}: should be what the local cloud noted there, got something else. "
        "It is written whole or not at all: restore it, or move its folder away"
    ]


def test_a_range_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(network: bridge.Network) -> None:
        raise UserError(f"{network.cidr} is taken")

    monkeypatch.setattr(bridge, "check_free", refuse)
    assert texts(preflight.preflight("mine", CIDR)) == [f"{CIDR} is taken"]


def test_a_stack_of_another_checkout(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "Pulumi.yaml").touch()
    folder = machine.stack_folder("mine")
    folder.mkdir(parents=True)
    machine.write_json(folder / "owner.json", {"checkout": str(other)})
    wanted = (
        f"stack mine: should belong to this checkout, got one that {other} made. "
        "Choose another name for the stack here, or use that checkout"
    )
    assert texts(preflight.preflight("mine", CIDR)) == [wanted]
    with pytest.raises(UserError) as refused:
        ownership.claim("mine")
    assert str(refused.value) == wanted
    old, new = (cast("Settings", SimpleNamespace(stack=name)) for name in ("mine", "other"))
    with pytest.raises(UserError) as refused:
        joined.join(old, new, True)
    assert str(refused.value) == wanted, "before a promotion changes anything"
    (other / "Pulumi.yaml").unlink()  # the checkout was moved away
    assert preflight.preflight("mine", CIDR) == []
    ownership.claim("mine")
    assert machine.read_json(folder / "owner.json") == {"checkout": str(ownership.CHECKOUT)}


def test_everything_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "free_mib", lambda: 1)
    monkeypatch.setattr(preflight, "_file_system", lambda folder: "overlayfs")
    assert len(preflight.preflight("mine", CIDR)) == 2


@pytest.fixture
def instance() -> Iterator[None]:
    """One inotify instance of this process."""
    descriptor = ctypes.CDLL(None).inotify_init()
    yield
    os.close(descriptor)


@pytest.mark.skipif(os.geteuid() != 0, reason="counts what root has")
def test_too_few_inotify_instances_are_left(
    root: Path, instance: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "max_user_instances"
    monkeypatch.setattr(preflight, "INOTIFY", limit)
    limit.write_text("100000\n")
    assert preflight.preflight("mine", CIDR) == []
    limit.write_text(f"{preflight.FREE_INOTIFY}\n")
    (message,) = texts(preflight.preflight("mine", CIDR))
    used = re.search(r", (\d+) of them in use", message)
    assert used is not None and int(used[1]) >= 1
    assert message == (
        "fs.inotify.max_user_instances: should leave 24 for the hosts of a stack, got 24, "
        f"{used[1]} of them in use. Raise it: sysctl -w fs.inotify.max_user_instances=1024, "
        "and the same in /etc/sysctl.d"
    )
    machine.stack_folder("mine").mkdir(parents=True)
    bridge.note(bridge.of("mine", CIDR))
    assert preflight.preflight("mine", CIDR) == [], "the hosts of a stack that is up have theirs"
