"""The image is built once, whole or not at all; mmdebstrap is played by a script."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.clouds.local.account import operations
from components.clouds.local.hosts import image, machine
from components.errors import UserError
from components.host.packages import IMAGE_PACKAGES
from tests.support.composed_hosts import ComposedHost, separate_database, single_server
from tests.support.planned import chosen

BUILDS = """#!/bin/sh
for target; do :; done
echo "$@" >> "$PLAYED"
echo 'I: running apt-get update...'
mkdir -p "$target/usr/lib/systemd"; echo debian > "$target/etc"
touch "$target/usr/lib/systemd/systemd"
"""
FAILS = """#!/bin/sh
for target; do :; done
mkdir "$target"
echo 'I: running apt-get update...'; echo 'E: no mirror' >&2; exit 25
"""


FULL = """#!/bin/sh
for target; do :; done
mkdir "$target"
echo 'I: extracting archives...'
/bin/echo libc6 > /dev/full || { echo "E: dpkg failed"; exit 1; }
"""
HANGS = """#!/bin/sh
for target; do :; done
mkdir "$target"
echo 'I: downloading packages...'; exec sleep 60
"""


@pytest.fixture
def played(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PLAYED", str(tmp_path / "played"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "played"


def play(played: Path, script: str) -> None:
    program = played.parent / "bin" / "mmdebstrap"
    program.write_text(script)
    program.chmod(0o755)


def test_it_is_built_once_and_tells_what_it_does(played: Path) -> None:
    play(played, BUILDS)
    messages: list[str] = []
    first = image.ensure(lambda step, elapsed_s: messages.append(step))
    assert first == image.folder() and (first / "etc").read_text() == "debian\n"
    assert messages == ["starting mmdebstrap", "running apt-get update", "built"]
    assert image.ensure() == first
    assert len(played.read_text().splitlines()) == 1
    assert "postgresql-17" in played.read_text()


def test_another_package_list_is_another_image_and_the_old_one_goes(
    played: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(played, BUILDS)
    first = image.ensure()
    monkeypatch.setattr(image, "IMAGE_PACKAGES", ("systemd", "new"))
    second = image.ensure()
    assert second != first
    assert not first.exists() and second.is_dir()


def test_an_image_that_a_host_uses_stays(played: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play(played, BUILDS)
    first = image.ensure()
    host = machine.stack_folder("mine") / "hosts" / "app"
    host.mkdir(parents=True)
    machine.write_json(host / "host.json", {"spec": {"image": str(first)}})
    monkeypatch.setattr(image, "IMAGE_PACKAGES", ("systemd", "new"))
    image.ensure()
    assert first.is_dir()


def test_what_a_killed_build_left_is_no_image(played: Path) -> None:
    half = image.folder().with_suffix(".new")
    half.mkdir(parents=True)
    (half / "half").touch()
    assert not image.exists()
    play(played, BUILDS)
    image.ensure()
    assert not half.exists()
    assert not (image.folder() / "half").exists()


def test_a_build_that_fails_leaves_nothing_and_says_why(played: Path) -> None:
    play(played, FAILS)
    with pytest.raises(UserError) as failed:
        image.ensure()
    assert str(failed.value) == (
        "The host image could not be built: I: running apt-get update... | E: no mirror. "
        "It needs Debian's package archives to be reachable, once"
    )
    assert list(image.folder().parent.iterdir()) == []


def test_a_disk_that_gets_full_during_the_build(played: Path) -> None:
    play(played, FULL)
    with pytest.raises(UserError) as failed:
        image.ensure()
    assert str(failed.value) == (
        "The host image could not be built: I: extracting archives... | /bin/echo: write error: "
        "No space left on device | E: dpkg failed. "
        "Free 3000 MiB there, or set STAGES_LOCAL_ROOT to a folder on a larger disk"
    )
    assert list(image.folder().parent.iterdir()) == []


def test_a_build_that_hangs_is_ended_although_it_says_nothing(
    played: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(played, HANGS)
    monkeypatch.setattr(image, "BUILD_TIMEOUT_S", 0.5)
    with pytest.raises(UserError) as failed:
        image.ensure()
    assert str(failed.value) == (
        "The host image could not be built: I: downloading packages... | no end after 0.5 s. "
        "It needs Debian's package archives to be reachable, once"
    )
    assert list(image.folder().parent.iterdir()) == []


def test_an_image_that_lost_its_files_is_built_again(played: Path) -> None:
    """What a power cut or a helpful hand leaves of it."""
    image.folder().mkdir(parents=True)
    (image.folder() / "etc").touch()
    assert not image.exists()
    play(played, BUILDS)
    image.ensure()
    assert (image.folder() / "etc").read_text() == "debian\n"


def test_prepare_says_so_before_it_takes_long_and_nothing_when_it_is_there(played: Path) -> None:
    play(played, BUILDS)
    messages: list[str] = []
    # The settings play no part in it.
    operations.prepare(chosen("local-stage1"), messages.append)
    assert messages[0] == (
        "Host image: Debian 13 is built once on this machine, about a minute or two"
    )
    assert messages[-1].startswith("Host image: built, ")
    messages.clear()
    operations.prepare(chosen("local-stage1"), messages.append)
    assert messages == []


@pytest.mark.parametrize("host", [single_server(), separate_database()], ids=["stage1", "stage2"])
def test_it_holds_every_package_of_both_stages_hosts(host: ComposedHost) -> None:
    """So that a boot installs nothing, and the stages come up without an archive in reach."""
    wanted = {package for part in host.parts for package in part.packages}
    assert wanted and wanted <= set(IMAGE_PACKAGES)
