"""Managed files: what is written, what is kept, and what a killed or refused run leaves."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

import pytest

from components.host.agent import folders
from components.host.agent.files import (
    Files,
    Wanted,
    look,
    make_directories,
    wanted,
    write_json,
)
from components.host.agent.report import Failed

ME = pwd.getpwuid(os.getuid()).pw_name
MINE = grp.getgrgid(os.getgid()).gr_name


@pytest.fixture
def host(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path


def on(host: Path) -> Files:
    """A run on the host: each reads the record anew, as each session does."""
    return Files(host / "state", host / "root")


def file(content: str, mode: str = "0644") -> Wanted:
    return {"content": content, "mode": mode, "owner": ME, "group": MINE}


def old_copies(host: Path) -> list[Path]:
    return list((host / "state" / "old").iterdir())


def test_a_file_is_written_with_its_mode_and_only_once(host: Path) -> None:
    assert on(host).write({"/etc/a": file("one", "0640")}, []) == ["/etc/a"]
    there = host / "root/etc/a"
    assert look(there) == wanted(file("one", "0640"))
    assert there.read_text() == "one"
    on(host).settle(["/etc/a"])
    assert on(host).write({"/etc/a": file("one", "640")}, []) == []


@pytest.mark.parametrize("change", [file("two"), file("one", "0600")])
def test_a_refused_file_gets_its_old_content_and_mode_back(host: Path, change: Wanted) -> None:
    on(host).write({"/etc/a": file("one")}, [])
    on(host).settle(["/etc/a"])
    files = on(host)
    assert files.write({"/etc/a": change}, []) == ["/etc/a"]
    assert files.put_back(["/etc/a"]) == ["/etc/a"]
    assert look(host / "root/etc/a") == wanted(file("one"))


def test_a_refused_file_that_was_not_there_goes_again(host: Path) -> None:
    files = on(host)
    files.write({"/etc/a": file("one")}, [])
    files.put_back(["/etc/a"])
    assert not (host / "root/etc/a").exists()


def test_what_should_be_absent_goes_and_comes_back_as_the_link_it_was(host: Path) -> None:
    link = host / "root/etc/default"
    link.parent.mkdir()
    link.symlink_to("/nowhere/at/all")
    files = on(host)
    assert files.write({}, ["/etc/default"]) == ["/etc/default"]
    assert not link.is_symlink()
    files.put_back(["/etc/default"])
    assert str(link.readlink()) == "/nowhere/at/all"


def test_a_file_that_is_no_longer_wanted_goes(host: Path) -> None:
    on(host).write({"/etc/a": file("one"), "/etc/b": file("b")}, [])
    assert on(host).write({"/etc/b": file("b")}, []) == ["/etc/a"]
    assert not (host / "root/etc/a").exists()
    assert on(host).write({"/etc/b": file("b")}, []) == []


def test_a_killed_run_is_owed_and_its_first_old_state_is_the_one_that_comes_back(
    host: Path,
) -> None:
    on(host).write({"/etc/a": file("good")}, [])
    on(host).settle(["/etc/a"])
    on(host).write({"/etc/a": file("bad")}, [])
    # Killed here: nothing was settled. The next run wants yet another content.
    again = on(host)
    assert list(again.unsettled) == ["/etc/a"]
    again.write({"/etc/a": file("worse")}, [])
    again.put_back(["/etc/a"])
    assert (host / "root/etc/a").read_text() == "good"


def test_a_file_whose_readers_have_not_accepted_it_stays_owed_though_it_is_as_wanted(
    host: Path,
) -> None:
    on(host).write({"/etc/a": file("new")}, [])
    again = on(host)
    assert again.write({"/etc/a": file("new")}, []) == []
    assert list(again.unsettled) == ["/etc/a"]


def test_settled_files_leave_no_copy_and_nothing_is_ever_beside_a_file(host: Path) -> None:
    on(host).write({"/etc/a": file("one", "0600")}, [])
    on(host).settle(["/etc/a"])
    files = on(host)
    files.write({"/etc/a": file("two", "0600")}, [])
    (copy,) = old_copies(host)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert (host / "state").stat().st_mode & 0o777 == 0o700
    files.settle(["/etc/a"])
    assert old_copies(host) == []
    assert [path.name for path in (host / "root/etc").iterdir()] == ["a"]


def test_a_half_written_file_of_a_killed_run_is_removed(host: Path) -> None:
    on(host).write({"/etc/a": file("one")}, [])
    (host / "root/etc/.a.stages-host").write_text("half")
    on(host).write({"/etc/a": file("one")}, [])
    assert [path.name for path in (host / "root/etc").iterdir()] == ["a"]


def test_a_copy_that_a_killed_run_made_and_did_not_note_is_removed(host: Path) -> None:
    on(host)
    (host / "state/old/0123").write_text("perhaps a secret")
    on(host)
    assert old_copies(host) == []


def test_an_unknown_owner_is_told_with_the_file(host: Path) -> None:
    with pytest.raises(Failed) as caught:
        on(host).write({"/etc/a": {**file("one"), "owner": "nobody-at-all"}}, [])
    assert str(caught.value) == (
        f"/etc/a: should belong to nobody-at-all:{MINE}, and "
        "getpwnam(): name not found: 'nobody-at-all'"
    )


def test_a_directory_in_the_place_of_a_file_is_told(host: Path) -> None:
    (host / "root/etc/a").mkdir(parents=True)
    with pytest.raises(Failed, match="/etc/a: is not a file"):
        on(host).write({"/etc/a": file("one")}, [])


@pytest.fixture
def linked(host: Path) -> Path:
    """A folder that a link leads to, in the place of one on the way to a managed file."""
    (host / "root/etc").mkdir()
    (host / "elsewhere").mkdir(mode=0o711)
    (host / "elsewhere/a").write_text("not ours")
    (host / "root/etc/app").symlink_to(host / "elsewhere")
    return host / "elsewhere"


def test_no_link_is_followed_on_the_way_to_a_file(host: Path, linked: Path) -> None:
    with pytest.raises(Failed) as caught:
        on(host).write({"/etc/app/a": file("one")}, [])
    assert str(caught.value) == "/etc/app: is not a directory"
    on(host).write({}, ["/etc/app/a"])
    assert look(host / "root/etc/app/a") is None
    assert [path.read_text() for path in linked.iterdir()] == ["not ours"]


def test_no_link_is_followed_when_a_file_is_put_back(host: Path) -> None:
    files = on(host)
    files.write({"/etc/app/a": file("one")}, [])
    files.settle(["/etc/app/a"])
    files.write({"/etc/app/a": file("two")}, [])
    (host / "root/etc/app").rename(host / "elsewhere")
    (host / "root/etc/app").symlink_to(host / "elsewhere")
    with pytest.raises(Failed, match="/etc/app: is not a directory"):
        files.put_back(["/etc/app/a"])
    assert (host / "elsewhere/a").read_text() == "two"


@pytest.mark.parametrize("path", ["/etc/app", "/etc/app/inner"])
def test_no_link_is_followed_on_the_way_to_a_directory(host: Path, linked: Path, path: str) -> None:
    wish = {path: {"mode": "0777", "owner": ME, "group": MINE}}
    with pytest.raises(Failed) as caught:
        make_directories(wish, host / "root")
    assert str(caught.value) == f"{path}: is not a directory"
    assert linked.stat().st_mode & 0o777 == 0o711
    assert [entry.name for entry in linked.iterdir()] == ["a"]


def test_a_tree_is_removed_out_of_its_owners_reach_and_its_links_lead_nowhere(host: Path) -> None:
    away, tree = host / "away", host / "root/release"
    (tree / "inner").mkdir(parents=True)
    (host / "elsewhere").mkdir()
    (host / "elsewhere/a").write_text("not ours")
    (tree / "inner/link").symlink_to(host / "elsewhere")
    (away / "release").mkdir(parents=True)  # of a run that was killed
    folders.remove(tree, away)
    folders.remove(tree, away)
    assert not tree.exists()
    assert list(away.iterdir()) == []
    (host / "root/release").symlink_to(host / "elsewhere")
    folders.remove(tree, away)
    assert not tree.is_symlink()
    assert (host / "elsewhere/a").read_text() == "not ours"


@pytest.mark.parametrize("planted", ["a link", "a directory of its own"])
def test_what_the_app_put_where_releases_are_removed_is_not_followed(
    tmp_path: Path, planted: str
) -> None:
    """It was free to, on a host where the folder of the releases was once its own."""
    (tmp_path / "etc" / "passwd").mkdir(parents=True)
    release, away = tmp_path / "app" / "passwd", tmp_path / "app" / ".removed"
    release.mkdir(parents=True)
    if planted == "a link":
        away.symlink_to(tmp_path / "etc")
    else:
        away.mkdir(mode=0o777)
    folders.remove(release, away)
    assert (tmp_path / "etc" / "passwd").is_dir()
    assert not away.is_symlink()
    assert (away.stat().st_mode & 0o777, list(away.iterdir())) == (0o700, [])


def test_what_is_noted_or_replaced_is_on_disk_before_anybody_goes_by_it(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name, too: it is the directory that a power cut would put back."""
    synced: list[str] = []

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            synced.extend(os.listdir(descriptor))

    files = on(host)
    monkeypatch.setattr(os, "fsync", fsync)
    files.replace({"/etc/a": file("one")})
    assert synced == ["a"]
    write_json(host / "noted.json", {})
    assert "noted.json" in synced
