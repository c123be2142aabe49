"""Room for a build: old releases that go before it, and caches that are bounded after it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from components.host.agent import release
from components.host.agent.report import Failed

MIB = 1024**2


class Usage(NamedTuple):
    """Of a disk of 10 GiB."""

    free: int
    total: int = 10 * 1024 * MIB


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four releases, the third of which serves."""
    releases, complete = tmp_path / "releases", tmp_path / "complete"
    complete.mkdir()
    for number, name in enumerate(("a", "b", "c", "d")):
        (releases / name / "code").mkdir(parents=True)
        (complete / name).touch()
        os.utime(complete / name, (number, number))
    (tmp_path / "current").symlink_to("releases/c")
    for name, path in {
        "RELEASES": releases,
        "COMPLETE": complete,
        "CURRENT": tmp_path / "current",
        "REMOVED": tmp_path / "removed",
    }.items():
        monkeypatch.setattr(release, name, path)
    return tmp_path


def disk(monkeypatch: pytest.MonkeyPatch, host: Path, free_mib: int, each_mib: int) -> None:
    """A disk with so much room, and more for each release that has gone."""

    def usage(_path: Path) -> Usage:
        gone = 4 - len(list((host / "releases").iterdir()))
        return Usage(free=(free_mib + gone * each_mib) * MIB)

    monkeypatch.setattr(shutil, "disk_usage", usage)


def left(host: Path) -> list[str]:
    names = sorted(path.name for path in (host / "releases").iterdir())
    assert names == sorted(path.name for path in (host / "complete").iterdir())
    return names


def test_the_oldest_go_until_there_is_room(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk(monkeypatch, host, free_mib=300, each_mib=400)
    release._make_room()
    assert left(host) == ["c", "d"]


def test_with_room_none_goes(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk(monkeypatch, host, free_mib=1024, each_mib=400)
    release._make_room()
    assert left(host) == ["a", "b", "c", "d"]


def test_the_active_one_stays_and_no_build_begins(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(monkeypatch, host, free_mib=50, each_mib=1)
    with pytest.raises(Failed) as caught:
        release._make_room()
    assert left(host) == ["c"]
    assert caught.value.cause == ("should have 300 MiB of the disk free for a new one, has 53")


def test_a_cache_that_has_grown_too_large_is_emptied(tmp_path: Path) -> None:
    for name, size in {"npm": 3 * MIB, "pip": MIB // 2}.items():
        (tmp_path / "cache" / name).mkdir(parents=True)
        (tmp_path / "cache" / name / "file").write_bytes(b"x" * size)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(b"x" * 3 * MIB)
    (tmp_path / "cache" / "link").symlink_to(tmp_path / "elsewhere")
    variables = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run(["bash", "-c", release.TOO_LARGE, "2"], env=variables, check=True)
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["link", "pip"]
    assert (tmp_path / "elsewhere" / "file").exists()
