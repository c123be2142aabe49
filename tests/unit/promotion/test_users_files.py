"""The users' files of a promotion: what is copied, and what no name that an app chose can do."""

from __future__ import annotations

import errno
import io
import os
import resource
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from components.host.agent import promotion_files, promotion_record, promotion_tunnel
from components.host.agent.report import Failed
from components.host.files.promotion import users_files
from components.host.files.promotion.users_files import Bucket, Copied, Folder, Move
from components.remote import session
from scripts.lib import promotion_words


class NotThere(Exception):
    """As botocore says it."""

    response: ClassVar = {"Error": {"Code": "404"}}


class Client:
    """Of a bucket: what the program asks of boto3."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[bytes, datetime]] = {}
        self.broken: set[str] = set()
        self.lost: set[str] = set()

    def get_paginator(self, _name: str) -> Any:
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, **_: Any) -> Iterator[dict[str, Any]]:
        listed = [
            {"Key": key, "Size": len(data), "LastModified": at, "ETag": f'"{hash(data)}"'}
            for key, (data, at) in self.held.items()
        ]
        yield {**self._answer(), "Contents": listed}

    def _answer(self) -> dict[str, Any]:
        return {"ResponseMetadata": {"HTTPHeaders": {}}}

    def get_object(self, Key: str, **_: Any) -> dict[str, Any]:
        if Key in self.lost:
            raise NotThere
        data, at = self.held[Key]
        about = {"ContentLength": len(data), "LastModified": at, "ETag": f'"{hash(data)}"'}
        return {**self._answer(), **about, "Body": io.BytesIO(data)}

    def upload_fileobj(self, stream: Any, _bucket: str, key: str, **_: Any) -> None:
        if key in self.broken:
            raise OSError("no route")
        if key in self.lost:
            raise NotThere
        self.put(key, stream.read())

    def put(self, key: str, data: bytes, at: float | None = None) -> None:
        self.held[key] = data, datetime.fromtimestamp(time.time() if at is None else at, UTC)


class Sides:
    """A folder and a bucket, and a copy from the one to the other."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        self.folder = folder / "storage"
        self.folder.mkdir()
        self.client = Client()

    def there(self, since: float = 0) -> dict[str, Any]:
        return self._run(Folder(str(self.folder)), self._bucket(), since, only=False)

    def back(self, since: float) -> dict[str, Any]:
        return self._run(self._bucket(), Folder(str(self.folder), tidy=True), since, only=True)

    def _bucket(self) -> Bucket:
        return Bucket({"name": "b"}, self.client)

    def _run(self, source: Any, target: Any, since: float, *, only: bool) -> dict[str, Any]:
        copied = Copied(str(self.root / f"copied-{only}"))
        return Move(source, target, copied, {"since": since, "only_since": only}).run()

    @property
    def held(self) -> dict[str, bytes]:
        return {key: data for key, (data, _) in self.client.held.items()}


@pytest.fixture
def sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sides:
    upload = SimpleNamespace(TransferConfig=lambda **_: None)
    monkeypatch.setitem(sys.modules, "boto3.s3.transfer", upload)
    return Sides(tmp_path)


def test_only_what_is_missing_or_changed_is_copied(sides: Sides) -> None:
    (sides.folder / "cats").mkdir()
    for name in ("cats/a b", "cats/new\nline", "empty"):
        (sides.folder / name).write_text("")
    (sides.folder / "cats/a b").write_text("one")
    assert sides.there()["copied"] == 3
    assert sides.held == {"cats/a b": b"one", "cats/new\nline": b"", "empty": b""}
    assert sides.there()["copied"] == 0
    (sides.folder / "cats/a b").write_text("two")
    del sides.client.held["empty"]
    assert sides.there()["copied"] == 2
    (sides.folder / "cats/a b").unlink()
    assert (sides.there()["copied"], sides.held["cats/a b"]) == (0, b"two"), "nothing is deleted"


def test_a_file_with_an_old_time_replaces_another(sides: Sides) -> None:
    """As ``mv`` does it: neither its time nor its size says so."""
    (sides.folder / "a").write_text("one")
    sides.there()
    (sides.folder / "b").write_text("two")
    os.utime(sides.folder / "b", (1, 1))
    (sides.folder / "b").replace(sides.folder / "a")
    sides.there(since=time.time() + 60)
    assert sides.held == {"a": b"two"}


def test_no_link_is_followed_and_no_pipe_is_waited_for(sides: Sides) -> None:
    (sides.root / "secret").write_text("root's")
    (sides.folder / "out").symlink_to(sides.root / "secret")
    (sides.folder / "away").symlink_to(sides.root)
    os.mkfifo(sides.folder / "pipe")
    assert (sides.there()["copied"], sides.held) == (0, {})
    for key in ("away/secret", "out", "pipe"):  # what has become of a file since
        with pytest.raises(FileNotFoundError), Folder(str(sides.folder)).read(item(key)):
            pass


def item(key: str) -> users_files.Item:
    return users_files.Item(key, 1, time.time(), "")


def test_a_key_that_is_too_long_for_a_bucket_is_not_copied_nor_its_folder_entered(
    sides: Sides,
) -> None:
    """However deep: no walk runs out of descriptors."""
    opened = os.open(sides.folder, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d", dir_fd=opened)
        below = os.open("d", os.O_RDONLY, dir_fd=opened)
        os.close(opened)
        opened = below
    os.close(os.open("file", os.O_CREAT, dir_fd=opened))
    os.close(opened)
    (sides.folder / "short").write_text("x")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        known = sides.there()
        assert (known["copied"], known["unfit"], known["failed"]) == (1, 1, 0)
        assert promotion_files.count(str(sides.folder)) == {"files": 1, "bytes": 1}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        subprocess.run(["rm", "-rf", sides.folder / "d"], check=True)


def test_a_folder_that_cannot_be_counted_is_not_empty(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "scandir", fail)
    assert promotion_files.count(str(sides.folder))["files"] == 1


def test_a_folder_that_cannot_be_listed_is_counted_as_not_copied(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("locked", "open"):
        (sides.folder / name).mkdir()
        (sides.folder / name / "file").write_text("x")
    usual = os.open

    def refusing(path: Any, *words: Any, **more: Any) -> int:
        if path == b"locked":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return usual(path, *words, **more)

    monkeypatch.setattr(os, "open", refusing)
    known = sides.there()
    assert (known["copied"], known["failed"]) == (1, 1)
    assert "locked" in known["why"]


def test_a_name_that_is_no_text_is_said_and_not_copied(sides: Sides) -> None:
    Path(os.fsdecode(bytes(sides.folder) + b"/\xff")).write_text("x")
    known = sides.there()
    assert (known["copied"], known["unfit"], known["such_as"]) == (0, 1, [r"b'\xff'"])


def test_after_the_switch_what_stage_2_has_written_stays(sides: Sides) -> None:
    now = time.time()
    for name in ("early", "late"):
        (sides.folder / name).write_text("of stage 1")
        os.utime(sides.folder / name, (now, now))
    sides.client.put("early", b"of stage 2", now + 20)
    sides.client.put("late", b"before the switch", now - 20)
    sides.there(since=now - 10)
    assert sides.held == {"early": b"of stage 2", "late": b"of stage 1"}


def test_a_file_that_cannot_be_copied_keeps_none_of_the_others(sides: Sides) -> None:
    for name in ("a", "b"):
        (sides.folder / name).write_text(name)
    sides.client.broken = {"a"}
    known = sides.there()
    assert (known["copied"], known["failed"], known["why"]) == (1, 1, "'a': no route")
    sides.client.broken = set()
    assert sides.there()["copied"] == 1


def test_what_was_deleted_in_stage_2_since_the_switch_stays_deleted(sides: Sides) -> None:
    for name in ("deleted", "changed"):
        (sides.folder / name).write_text("x")
    sides.there()
    sides.client.held.clear()
    (sides.folder / "changed").write_text("after --copy")
    sides.there(since=time.time())
    assert sides.held == {"changed": b"after --copy"}


def test_only_what_the_source_lacks_was_deleted_since(sides: Sides) -> None:
    sides.client.put("gone", b"x")
    sides.client.lost = {"gone"}
    assert (sides.back(1)["copied"], sides.back(1)["failed"]) == (0, 0)
    (sides.folder / "file").write_text("x")
    sides.client.lost = {"file"}  # where it is to go
    known = sides.there()
    assert (known["copied"], known["failed"]) == (0, 1)


def test_a_bucket_that_cannot_be_listed_says_what_may_be_done(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As versitygw's, which has no way to say a key with a control character."""

    def fail(**_: Any) -> Any:
        raise ValueError("invalid XML received")

    monkeypatch.setattr(sides.client, "_pages", fail)
    with pytest.raises(users_files.Refused, match="b cannot be listed: invalid XML") as refused:
        sides.back(1)
    assert "Delete it" in refused.value.remedy


def test_files_come_back_only_where_the_volume_has_room(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL of stage 1 is on it, and keeps a tenth of it, at most 2 GiB."""
    mib = 1024**2
    volume = SimpleNamespace(f_blocks=10 * mib, f_bavail=mib * 5 // 2, f_frsize=1, f_favail=4)
    monkeypatch.setattr(os, "statvfs", lambda _: volume)
    for key in ("a", "b"):
        sides.client.put(key, b"x" * mib)
    with pytest.raises(users_files.Refused, match=r"2.0 MiB to copy, and the volume has 1.5 MiB"):
        sides.back(1)
    assert list(sides.folder.iterdir()) == [], "not one byte"
    volume.f_bavail, volume.f_favail = 5 * mib, 3
    with pytest.raises(users_files.Refused, match="2 files to copy, and the volume has room for 1"):
        sides.back(1)
    volume.f_favail += 1
    assert sides.back(1)["copied"] == 2


def test_postgresql_may_fill_the_volume_meanwhile(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([4096, 1])

    def volume(_: object) -> SimpleNamespace:
        return SimpleNamespace(f_blocks=0, f_bavail=next(free), f_frsize=1, f_favail=9)

    monkeypatch.setattr(os, "statvfs", volume)
    sides.client.put("a", b"x" * 1024)
    with pytest.raises(users_files.Refused, match=r"and the volume has 0\.0 MiB for it"):
        sides.back(1)
    assert list(sides.folder.iterdir()) == []


def test_a_volume_that_is_full_ends_the_copy(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        sides.client.put(str(number), b"x")
    tries: list[str] = []

    def full(_self: Folder, item: users_files.Item, *_: Any) -> None:
        tries.append(item.key)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Folder, "write", full)
    with pytest.raises(users_files.Refused, match="the volume is full"):
        sides.back(1)
    assert len(tries) <= users_files.AT_ONCE


def test_what_was_written_since_the_switch_comes_back_as_the_apps(sides: Sides) -> None:
    now = time.time()
    (sides.folder / "changed").write_text("one")
    (sides.folder / "changed").chmod(0o640)
    (sides.folder / "newer").write_text("of stage 1")
    (sides.folder / ".stages-half-1").write_text("of a run that was killed")
    os.utime(sides.folder / "changed", (now - 900, now - 900))
    sides.client.put("before", b"x", now - 600)
    for key in ("changed", "deep/new"):
        sides.client.put(key, b"two", now + 1)
    sides.client.put("newer", b"of stage 2", now - 1)
    assert sides.back(now - 300)["copied"] == 2
    assert sorted(path.name for path in sides.folder.iterdir()) == ["changed", "deep", "newer"]
    assert (sides.folder / "changed").read_text() == "two"
    assert stat.S_IMODE((sides.folder / "changed").stat().st_mode) == 0o640
    assert stat.S_IMODE((sides.folder / "deep/new").stat().st_mode) == 0o600
    assert (sides.folder / "newer").read_text() == "of stage 1"
    assert sides.back(now - 300)["copied"] == 0


def test_a_half_file_that_stays_blocks_nothing(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that nobody may change."""

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    (sides.folder / ".stages-half-1").write_text("")
    sides.client.put("a", b"x")
    monkeypatch.setattr(os, "unlink", refuse)
    assert sides.back(1)["copied"] == 1


def test_a_key_that_leads_out_of_the_folder_stays_in_the_bucket(sides: Sides) -> None:
    (sides.root / "outside").mkdir()
    (sides.root / "secret").write_text("root's")
    (sides.folder / "away").symlink_to(sides.root / "outside")
    (sides.folder / "link").symlink_to(sides.root / "secret")
    (sides.folder / "folder").mkdir()
    (sides.folder / "file").write_text("")
    bad = ["../../x", "/etc/x", "a//b", "a/./b", "..", "away/x", "folder", "nul\0"]
    bad += ["n" * 256, f"{'n' * 256}/x", "file/x", ".stages-half-x"]
    for key in [*bad, "link", "mark/"]:
        sides.client.put(key, b"" if key == "mark/" else b"taken")
    known = sides.back(1)
    assert (known["copied"], known["unfit"], known["failed"]) == (1, len(bad), 0)
    assert (sides.root / "secret").read_text() == "root's"
    assert list((sides.root / "outside").iterdir()) == []
    assert (sides.folder / "link").read_text() == "taken", "in place of the link"


def test_the_program_sees_the_folder_and_nothing_else_of_the_server() -> None:
    words = promotion_files.argv("print()", ["/data/storage"], ["/var/lib/copied"])
    given = [word.removeprefix("--property=") for word in words if "--property=" in word]
    assert {"User=app", "TemporaryFileSystem=/:ro", "CapabilityBoundingSet="} <= set(given)
    assert {"LimitCORE=0", "MemoryMax=33%"} <= set(given)
    assert "BindReadOnlyPaths=/data/storage" in given
    assert [text for text in given if text.startswith("BindPaths=")] == [
        "BindPaths=/var/lib/copied"
    ]


def test_no_core_of_the_program_can_hold_the_buckets_key() -> None:
    """The app's processes may send it a signal."""
    program = (
        "import ctypes, sys; from components.host.files.promotion import users_files as u\n"
        "class In:\n def read(self): sys.exit(ctypes.CDLL(None).prctl(3))\n"  # PR_GET_DUMPABLE
        "sys.stdin = In(); u.main()"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_copy_that_says_nothing_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that the app's processes have stopped."""
    commands: list[list[str]] = []
    monkeypatch.setattr(promotion_files, "run", commands.append)
    monkeypatch.setattr(promotion_files, "SILENT_S", 0.1)
    with pytest.raises(Failed, match="the copy has reported nothing for"):
        promotion_files._run(["sleep", "infinity"], "{}")
    assert commands[-1] == ["systemctl", "kill", "--signal=KILL", promotion_tunnel.FILES]


def test_what_the_copy_says_arrives_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion_files, "run", lambda _: None)
    said = """printf 'no JSON\n{"files": 1, "of": 2, "bytes": 0, "of_bytes": 0}\n{"resu'; """
    said += """cat > /dev/null; printf 'lt": {"copied": 1}}\n'"""
    assert promotion_files._run(["sh", "-c", said], "{}") == {"copied": 1}
    with pytest.raises(Failed, match="not copied: no JSON"):
        promotion_files._run(["sh", "-c", "printf 'no JSON'"], "{}")


@pytest.fixture
def switched(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion_files, "LOCK", record.with_name("lock"))
    monkeypatch.setattr(promotion_files, "install_packages", lambda _: None)
    promotion_record.write(phase="switched", side="from", other="shop2", files="pending", at=7.0)


BUCKET = {"name": "b", "secret_access_key": "k/" + "x" * 30}


def asked(folder: Path, **more: Any) -> dict[str, Any]:
    buckets = {"old": {}, "new": BUCKET}
    known = {"there": True, "last": True, "without": False, "program": "", "buckets": buckets}
    return {**known, "folder": str(folder), **more}


@pytest.mark.usefixtures("switched")
def test_all_is_there_once_the_last_copy_was(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    ways: list[tuple[str, str]] = []

    def copy(_document: Any, source: Any, target: Any, _known: Any) -> dict[str, int]:
        ways.append(("bucket" if "name" in source else "folder", target["name"]))
        return {"copied": 2, "bytes": 5}

    monkeypatch.setattr(promotion_files, "_copy", copy)
    (sides.folder / "a").write_text("x")
    own = {**BUCKET, "name": "own"}
    document = asked(sides.folder, buckets={"old": own, "new": BUCKET})
    assert promotion_files.move({**document, "last": False})["copied"] == 4
    assert promotion_record.read()["files"] == "pending"
    promotion_files.move(document)
    assert promotion_record.read()["files"] == "moved"
    assert ways == [("folder", "b"), ("bucket", "b")] * 2
    promotion_files.move({**document, "there": False})
    assert ways[-1] == ("bucket", "own"), "back to where stage 1 has them"


@pytest.mark.usefixtures("switched")
def test_files_without_a_bucket_are_refused_and_may_be_left(sides: Sides) -> None:
    document = asked(sides.folder, buckets={"old": {}, "new": {}})
    (sides.folder / "a").write_text("x")
    with pytest.raises(Failed, match="have no bucket to go to in stage 2"):
        promotion_files.move(document)
    assert promotion_record.read()["files"] == "pending"
    assert promotion_files.move({**document, "without": True})["without"]
    assert promotion_files.move(document)["without"], "and it is remembered"
    promotion_record.write(files="pending")
    (sides.folder / "a").unlink()
    promotion_files.move(document)
    assert promotion_record.read()["files"] == "moved", "there is nothing to copy"


def test_files_that_are_not_all_there_are_a_trouble() -> None:
    state = {"phase": "switched", "side": "from", "other": "shop2", "way_back": {}}
    (trouble,) = promotion_words.troubles("shop", {**state, "files": "pending"})
    assert str(trouble) == (
        "promotion: USERS' FILES of shop are not all in the bucket of shop2. `./stages promote"
        " --from shop --to shop2 --switch` copies them; `./stages promote --from shop --to shop2"
        " --finish --without-files` leaves them"
    )
    for files in ("moved", "without", ""):
        assert promotion_words.troubles("shop", {**state, "files": files}) == []
    copying = {**state, "phase": "copying", "files": "pending"}
    assert promotion_words.troubles("shop", copying) == []


def test_no_output_shows_the_key_of_a_bucket(tmp_path: Path) -> None:
    secrets = session.secret_words(asked(tmp_path))
    assert session.without(secrets, f"key {BUCKET['secret_access_key']}.") == "key [secret]."
