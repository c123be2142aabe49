"""Managed files: compared, replaced atomically, and put back when what reads them refuses them.

``/var/lib/stages-host/unfinished.json`` names every file that was changed and whose readers have
not all accepted it yet, with where its old state is kept. It is written before the first file is
touched, so that a run that was killed is finished, or undone, by the next one. A reader owes a
reload as long as one of its files stands there, whether or not the file changes again.
"""

from __future__ import annotations

import contextlib
import grp
import hashlib
import json
import os
import pwd
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from components.host.converge.report import Failed

STATE = Path("/var/lib/stages-host")
UNIT_FOLDER = "/etc/systemd/"

Wanted = dict[str, str]
"""``content``, ``mode`` (octal digits), ``owner``, ``group``."""


def look(path: Path) -> dict[str, str] | None:
    """What is at a path now, without its content: the same words for ``observe`` and compare."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return None
    found = {
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "owner": _name(pwd.getpwuid, status.st_uid),
        "group": _name(grp.getgrgid, status.st_gid),
    }
    if stat.S_ISREG(status.st_mode):
        return {**found, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    kind = "link" if stat.S_ISLNK(status.st_mode) else "other"
    return {**found, "sha256": "", "kind": kind}


def wanted(file: Wanted) -> dict[str, str]:
    """What :func:`look` says of a file that is as it should be."""
    return {
        "mode": f"{int(file['mode'], 8):04o}",
        "owner": file["owner"],
        "group": file["group"],
        "sha256": hashlib.sha256(file["content"].encode()).hexdigest(),
    }


def _name(lookup: Any, number: int) -> str:
    try:
        return str(lookup(number)[0])
    except KeyError:
        return str(number)


class Files:
    """The files of one host, and the record of those that are not settled."""

    def __init__(self, state: Path = STATE, root: Path = Path("/")) -> None:
        self._state = state
        self._root = root
        self._record = state / "unfinished.json"
        self._managed = state / "files.json"
        for folder in (state, state / "old"):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        self.unsettled: dict[str, dict[str, str]] = read_json(self._record, {})
        kept = {old.get("copy") for old in self.unsettled.values()}
        for copy in (state / "old").iterdir():
            if copy.name not in kept:
                copy.unlink()  # Of a run that was killed before it touched the file.

    def write(self, files: dict[str, Wanted], absent: Iterable[str]) -> list[str]:
        """Make the files so; return the paths that changed now.

        A file that an earlier document had and this one does not is removed.
        """
        dropped = set(read_json(self._managed, [])) - set(files)
        gone = [path for path in sorted({*absent, *dropped}) if os.path.lexists(self._at(path))]
        changed = [path for path, file in files.items() if look(self._at(path)) != wanted(file)]
        for path in self.unsettled:
            self._beside(path).unlink(missing_ok=True)
        for path in (*changed, *gone):
            if path not in self.unsettled:  # The copy that is kept already is the good one.
                self.unsettled[path] = self._keep(path)
        self._save()
        for path in changed:
            self._replace(path, files[path])
        for path in gone:
            self._at(path).unlink()
        write_json(self._managed, sorted(files))
        return [*changed, *gone]

    def put_back(self, paths: Iterable[str]) -> list[str]:
        """Give unsettled files their old state again; they stay unsettled until told otherwise."""
        back = [path for path in paths if path in self.unsettled]
        for path in back:
            old = self.unsettled[path]
            target = self._at(path)
            if old["kind"] == "none":
                target.unlink(missing_ok=True)
            elif old["kind"] == "link":
                target.unlink(missing_ok=True)
                target.symlink_to(old["to"])
            else:
                temporary = self._beside(path)
                shutil.copyfile(self._state / "old" / old["copy"], temporary)
                temporary.chmod(int(old["mode"], 8))
                os.chown(temporary, int(old["uid"]), int(old["gid"]))
                temporary.rename(target)
        return back

    def settle(self, paths: Iterable[str]) -> None:
        """Forget the old state of files that all their readers have accepted."""
        forgotten = [self.unsettled.pop(path) for path in list(paths) if path in self.unsettled]
        self._save()
        for old in forgotten:
            if old.get("copy"):
                (self._state / "old" / old["copy"]).unlink(missing_ok=True)

    def _at(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def _beside(self, path: str) -> Path:
        """A name that no include directory reads: a leading dot and a strange ending."""
        target = self._at(path)
        return target.with_name(f".{target.name}.stages-host")

    def _keep(self, path: str) -> dict[str, str]:
        """Keep what is at a path, and say how to put it back."""
        target = self._at(path)
        if target.is_symlink():
            return {"kind": "link", "to": str(target.readlink())}
        if not target.exists():
            return {"kind": "none"}
        if not target.is_file():
            raise Failed(path, "is not a file", "Move what is there out of the way.")
        status = target.stat()
        copy = hashlib.sha256(path.encode()).hexdigest()[:16]
        with _private(self._state / "old" / copy) as stream:
            stream.write(target.read_bytes())
        return {
            "kind": "file",
            "copy": copy,
            "mode": f"{stat.S_IMODE(status.st_mode):04o}",
            "uid": str(status.st_uid),
            "gid": str(status.st_gid),
        }

    def _replace(self, path: str, file: Wanted) -> None:
        target = self._at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._beside(path)
        uid, gid = ids(path, file["owner"], file["group"])
        with _private(temporary) as stream:
            stream.write(file["content"].encode())
        os.chown(temporary, uid, gid)
        temporary.chmod(int(file["mode"], 8))
        temporary.rename(target)

    def _save(self) -> None:
        write_json(self._record, self.unsettled)


def ids(path: str, owner: str, group: str) -> tuple[int, int]:
    """Numbers of an owner and a group by name."""
    try:
        return pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise Failed(path, f"should belong to {owner}:{group}, and {error.args[0]}") from error


def make_directories(directories: dict[str, Wanted]) -> None:
    """Make directories, or correct their mode and owner, parents first."""
    for path in sorted(directories):
        directory = directories[path]
        uid, gid = ids(path, directory["owner"], directory["group"])
        target = Path(path)
        try:
            target.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise Failed(path, "is not a directory", "Move what is there away.") from error
        status = target.stat()
        if (status.st_uid, status.st_gid) != (uid, gid):
            os.chown(target, uid, gid)
        if stat.S_IMODE(status.st_mode) != int(directory["mode"], 8):
            target.chmod(int(directory["mode"], 8))


def _private(path: Path) -> Any:
    """Open a new file that only root can read, synced on close."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    return _Synced(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


class _Synced:
    """A file that is on disk when it is closed: a rename never shows an empty one."""

    def __init__(self, descriptor: int, mode: str) -> None:
        self._stream = os.fdopen(descriptor, mode)

    def __enter__(self) -> Any:
        return self._stream

    def __exit__(self, *_: object) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()


def read_json(path: Path, default: Any) -> Any:
    """What was noted, or ``default`` where nothing was."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return default


def write_json(path: Path, value: object) -> None:
    """Note something: all of it or nothing."""
    temporary = path.with_suffix(".new")
    with _private(temporary) as stream:
        stream.write(json.dumps(value).encode())
    temporary.rename(path)
