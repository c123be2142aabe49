"""The data volume's script on real block devices: what it formats, grows, and leaves alone."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.host import data_volume
from components.host.model import Part
from tests.support.composed_hosts import DEVICE
from tests.support.debian_tree import DebianTree

pytestmark = pytest.mark.real
MIB = 1024**2


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A blank disk of 300 MiB."""
    file = tmp_path / "disk.img"
    file.touch()
    grow(file, 300)
    return file


class Rig:
    """A tree with the volume's script, and the disk as a block device at its place."""

    def __init__(self, tree: DebianTree, loop: str) -> None:
        self._tree = tree
        self._loop = loop

    def inside(self, script: str, *, with_disk: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a shell script where the disk is, or is not."""
        subprocess.run(["losetup", "--set-capacity", self._loop], check=True)
        minor = self._loop.removeprefix("/dev/loop")
        node = f"mkdir -p /dev/disk/by-id && mknod {DEVICE} b 7 {minor} && "
        return self._tree.run(f"{node if with_disk else ''} {{ {script}; }}")

    def prepare(self, after: str = ":") -> subprocess.CompletedProcess[str]:
        """Run the volume's script as at a boot, then what follows."""
        return self.inside(f"{data_volume.PREPARE} && {{ {after}; }}")


@pytest.fixture
def rig(image: Path, tmp_path: Path, disk: Path) -> Iterator[Rig]:
    (tmp_path / "tree").mkdir()
    tree = DebianTree(image, tmp_path / "tree")
    tree.place([Part(files=data_volume.data_volume_files(DEVICE))])
    tree.must(f"sed -i 's/{data_volume.WAIT_S}/1/g' {data_volume.PREPARE}")
    attach = ["losetup", "--find", "--show", str(disk)]
    loop = subprocess.run(attach, capture_output=True, text=True, check=True).stdout.strip()
    try:
        yield Rig(tree, loop)
    finally:
        subprocess.run(["losetup", "--detach", loop], check=True)


def grow(disk: Path, size_mib: int) -> None:
    with disk.open("r+b") as stream:
        stream.truncate(size_mib * MIB)


def digest(disk: Path) -> str:
    return hashlib.sha256(disk.read_bytes()).hexdigest()


MOUNT = f"mkdir -p /data && mount {DEVICE} /data"


def test_a_blank_disk_is_formatted_once(rig: Rig) -> None:
    done = rig.prepare(f"{MOUNT} && echo ledger > /data/ledger")
    assert done.returncode == 0, done.stderr
    again = rig.prepare(f"{MOUNT} && cat /data/ledger && blkid -p -o value -s LABEL {DEVICE}")
    assert again.stdout.splitlines()[-2:] == ["ledger", data_volume.LABEL]


def test_a_mounted_volume_is_left_alone(rig: Rig) -> None:
    done = rig.prepare(f"{MOUNT} && rm {DEVICE} && {data_volume.PREPARE}")
    assert done.returncode == 0, done.stderr


def test_an_enlarged_disk_gets_an_enlarged_file_system(rig: Rig, disk: Path) -> None:
    assert rig.prepare(f"{MOUNT} && echo ledger > /data/ledger").returncode == 0
    grow(disk, 600)
    done = rig.prepare(f"{MOUNT} && cat /data/ledger && stat -f -c '%b %S' /data")
    *_, ledger, size = done.stdout.splitlines()
    blocks, block_size = size.split()
    assert ledger == "ledger"
    assert int(blocks) * int(block_size) > 500 * MIB


def test_a_file_system_that_was_not_unmounted_is_mended(rig: Rig) -> None:
    assert rig.prepare(f"{MOUNT} && echo ledger > /data/ledger").returncode == 0
    assert rig.inside(f"debugfs -w -R 'set_super_value state 0' {DEVICE}").returncode == 0
    assert "not clean" in rig.inside(f"dumpe2fs -h {DEVICE}").stdout
    done = rig.prepare(f"{MOUNT} && cat /data/ledger")
    assert done.stdout.splitlines()[-1:] == ["ledger"], done.stderr


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("mkfs.ext2 -q {}", "holds ext2 and no ext4"),
        ("mkswap -q {}", "holds swap and no ext4"),
        ("echo label: gpt | sfdisk -q --no-reread {}", "holds something and no ext4"),
        ("echo label: dos | sfdisk -q --no-reread {}", "holds something and no ext4"),
        ("printf x | dd of={} bs=1 seek=4096 conv=notrunc status=none", "is not blank"),
    ],
)
def test_what_is_not_blank_is_refused_and_not_touched(
    rig: Rig, disk: Path, content: str, reason: str
) -> None:
    assert rig.inside(content.format(DEVICE)).returncode == 0
    before = digest(disk)
    done = rig.prepare()
    assert done.returncode == 1
    assert reason in done.stderr
    assert "nothing was changed" in done.stderr
    assert digest(disk) == before


def test_a_damaged_ext4_is_not_formatted(rig: Rig, disk: Path) -> None:
    """Its first superblock is gone, its content is not: no signature, but not blank either."""
    assert rig.prepare(f"{MOUNT} && echo ledger > /data/ledger").returncode == 0
    with disk.open("r+b") as stream:
        stream.write(bytes(4096))
    before = digest(disk)
    done = rig.prepare()
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert digest(disk) == before


def test_a_disk_that_does_not_come_is_told(rig: Rig) -> None:
    done = rig.inside(data_volume.PREPARE, with_disk=False)
    assert done.returncode == 1
    assert done.stderr == f"data volume {DEVICE}: not there after 1 s; nothing was changed\n"
