"""Root of the machine follows no link out of a host, and nothing goes past the code for that."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from components.clouds import local
from components.clouds.local.hosts.tree import Tree
from components.errors import UserError

ME = os.getuid()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "upper"
    folder.mkdir()
    return folder


@pytest.fixture
def machine_file(tmp_path: Path) -> Path:
    file = tmp_path / "machine" / "passwd"
    file.parent.mkdir()
    file.write_text("the machine's")
    return file


def test_a_file_is_written_whole_and_only_when_it_is_another(base: Path) -> None:
    tree = Tree(base, "app")
    assert tree.put("/etc/stages/a.conf", "one", mode=0o640, owner=ME)
    file = base / "etc/stages/a.conf"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("one", 0o640)
    assert not tree.put("/etc/stages/a.conf", "one", owner=ME)
    assert tree.put("/etc/stages/a.conf", "two", owner=ME)
    assert tree.read("/etc/stages/a.conf", 2) == b"tw"
    assert [entry.name for entry in file.parent.iterdir()] == ["a.conf"]
    assert tree.read("/etc/stages/b.conf", 9) is None
    assert tree.read("/srv/nothing/b.conf", 9) is None
    assert not (base / "srv").exists(), "reading makes nothing"


def test_a_link_at_the_end_is_replaced_and_never_followed(base: Path, machine_file: Path) -> None:
    tree = Tree(base, "app")
    (base / "etc").mkdir()
    (base / "etc/hosts").symlink_to(machine_file)
    assert tree.read("/etc/hosts", 99) is None
    assert tree.put("/etc/hosts", "the machine's", owner=ME)
    assert (base / "etc/hosts").is_file() and not (base / "etc/hosts").is_symlink()
    assert machine_file.read_text() == "the machine's"
    assert machine_file.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("target", ["absolute", "../machine"])
def test_a_link_on_the_way_is_refused(base: Path, machine_file: Path, target: str) -> None:
    tree = Tree(base, "app")
    outside = str(machine_file.parent) if target == "absolute" else target
    (base / "etc").symlink_to(outside)
    for act in (
        lambda: tree.read("/etc/passwd", 99),
        lambda: tree.put("/etc/passwd", "taken over", owner=ME),
        lambda: tree.put("/etc/new/file", "taken over", owner=ME),
        lambda: tree.link("/etc/passwd", "/dev/null"),
    ):
        with pytest.raises(UserError) as refused:
            act()
        assert re.fullmatch(
            "/etc/[a-z/]+ on host app: should be a file in folders, got a link or something else "
            "at 'etc'. Root of that host has put it there: remove it, or make a new host in its "
            "place",
            str(refused.value),
        )
    assert [entry.name for entry in machine_file.parent.iterdir()] == ["passwd"]
    assert machine_file.read_text() == "the machine's"


def test_a_pipe_does_not_stop_the_machine_and_a_folder_is_an_error(base: Path) -> None:
    tree = Tree(base, "app")
    (base / "etc").mkdir()
    os.mkfifo(base / "etc/hosts")
    assert tree.read("/etc/hosts", 99) is None
    assert tree.put("/etc/hosts", "text", owner=ME)
    (base / "etc/folder/inner").mkdir(parents=True)
    with pytest.raises(UserError, match="/etc/folder on host app: should be a file"):
        tree.put("/etc/folder", "text", owner=ME)
    with pytest.raises(ValueError, match=r"not a path of a host: '/etc/\.\./x'"):
        tree.put("/etc/../x", "text", owner=ME)


def test_nothing_else_opens_a_path_below_a_hosts_files() -> None:
    """Neither ``upper / ...`` nor ``/proc/<pid>/root``, nor a string of either."""
    past = re.compile(
        r"\bupper\b\s*/|/root[\"'/]|upper}/|upper\.(joinpath|glob|rglob|iterdir|open)"
    )
    openings = [
        f"{file.name}: {line.strip()}"
        for file in sorted(Path(local.__file__).parent.rglob("*.py"))
        for line in file.read_text().splitlines()
        if past.search(line) and file.name != "tree.py"
    ]
    assert openings == [
        'nspawn.py: "HOME": "/root",',
        'nspawn.py: root = Path(f"/proc/{leader.pid}/root")',
    ]
