"""What two stacks, two checkouts or two threads do with a folder at once."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.clouds.local.hosts import machine, ownership
from components.clouds.local.net import bridge
from components.clouds.local.resources.network import NetworkProvider
from components.errors import UserError


def locked(folder: Path) -> bool:
    """Whether someone holds this folder right now."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def spied(call: Callable[..., Any], folder: Path, seen: list[bool]) -> Callable[..., Any]:
    """The same call, noting whether the folder is held meanwhile."""

    def spy(*arguments: Any) -> Any:
        seen.append(locked(folder))
        return call(*arguments)

    return spy


def test_of_two_checkouts_only_one_claims_a_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(
        ownership, "refuse_foreign", spied(ownership.refuse_foreign, machine.RUN, seen)
    )
    assert ownership.claim("mine") == root / "mine"
    assert seen == [True]
    assert not locked(root)


def test_of_two_resources_that_go_only_one_removes_the_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(shutil, "rmtree", spied(shutil.rmtree, machine.RUN, seen))
    folder = ownership.claim("mine")
    (folder / "volumes").mkdir()
    ownership.release("mine")
    ownership.release("mine")
    assert seen == [True]
    assert not folder.exists()


def test_a_folder_with_a_volume_stays(root: Path) -> None:
    folder = ownership.claim("mine")
    (folder / "volumes").mkdir()
    (folder / "volumes" / "mine.img").touch()
    ownership.release("mine")
    assert (folder / "owner.json").exists()


def test_a_range_that_was_refused_is_not_noted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the stack that could not have it would keep it from all others."""

    def refuse(network: bridge.Network) -> None:
        raise UserError(f"{network.cidr} is taken")

    monkeypatch.setattr(bridge, "check_free", refuse)
    with pytest.raises(UserError, match="is taken"):
        NetworkProvider().create({"stack": "mine", "cidr": "10.97.1.0/24"})
    assert machine.read_json(root / "mine" / "network.json") is None
