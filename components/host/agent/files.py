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
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from components.host.agent.folders import opened
from components.host.agent.report import Failed

STATE = Path("/var/lib/stages-host")
UNIT_FOLDER = "/etc/systemd/"
# Not blocking: in the place of a file a named pipe may appear, and nobody writes into it.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Wanted = dict[str, str]
"""``content``, ``mode`` (octal digits), ``owner``, ``group``."""


def look(path: Path, base: Path = Path("/")) -> dict[str, str] | None:
    """What is at a path now, without its content: the same words for ``observe`` and compare."""
    try:
        with opened(path.parent, base) as folder:
            status, content = _read(folder, path.name)
    except (FileNotFoundError, NotADirectoryError):
        return None
    attributes = {
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "owner": _name(pwd.getpwuid, status.st_uid),
        "group": _name(grp.getgrgid, status.st_gid),
    }
    if content is not None:
        return {**attributes, "sha256": hashlib.sha256(content).hexdigest()}
    kind = "link" if stat.S_ISLNK(status.st_mode) else "other"
    return {**attributes, "sha256": "", "kind": kind}


def _read(folder: int, name: str) -> tuple[os.stat_result, bytes | None]:
    """State and content of a directory's entry; no content where it is not a file."""
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        return status, None
    with os.fdopen(os.open(name, _READ, dir_fd=folder), "rb") as stream:
        return os.fstat(stream.fileno()), stream.read()


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
        copies = {old.get("copy") for old in self.unsettled.values()}
        for copy in (state / "old").iterdir():
            if copy.name not in copies:
                copy.unlink()  # Of a run that was killed before it touched the file.

    def write(self, files: dict[str, Wanted], absent: Iterable[str]) -> list[str]:
        """Make the files so; return the paths that changed now.

        A file that an earlier document had and this one does not is removed.
        """
        dropped = set(read_json(self._managed, [])) - set(files)
        gone = [path for path in sorted({*absent, *dropped}) if self._look(path) is not None]
        changed = [path for path, file in files.items() if self._look(path) != wanted(file)]
        for path in self.unsettled:
            self._remove(path, beside=True)
        for path in (*changed, *gone):
            if path not in self.unsettled:  # The copy that is kept already is the good one.
                self.unsettled[path] = self._keep(path)
        self._save()
        for path in changed:
            self._write(path, files[path])
        for path in gone:
            self._remove(path)
        write_json(self._managed, sorted(files))
        return [*changed, *gone]

    def replace(self, files: Mapping[str, Wanted]) -> None:
        """Write these, each whole, outside of an ``apply``; nothing is kept to undo it.

        They are on disk then: whoever goes on by them does so after a power cut, too.
        """
        for path, file in files.items():
            self._write(path, file)
            with self._folder(path) as folder:
                os.fsync(folder)

    def put_back(self, paths: Iterable[str]) -> list[str]:
        """Give unsettled files their old state again; they stay unsettled until told otherwise."""
        back = [path for path in paths if path in self.unsettled]
        for path in back:
            old = self.unsettled[path]
            if old["kind"] == "none":
                self._remove(path)
            elif old["kind"] == "link":
                self._remove(path)
                with self._folder(path) as folder:
                    os.symlink(old["to"], Path(path).name, dir_fd=folder)
            else:
                content = (self._state / "old" / old["copy"]).read_bytes()
                self._replace(path, content, int(old["mode"], 8), int(old["uid"]), int(old["gid"]))
        return back

    def settle(self, paths: Iterable[str]) -> None:
        """Forget the old state of files that all their readers have accepted."""
        forgotten = [self.unsettled.pop(path) for path in list(paths) if path in self.unsettled]
        self._save()
        for old in forgotten:
            if old.get("copy"):
                (self._state / "old" / old["copy"]).unlink(missing_ok=True)

    def _look(self, path: str) -> dict[str, str] | None:
        return look(Path(path), self._root)

    @contextlib.contextmanager
    def _folder(self, path: str) -> Iterator[int]:
        """The directory of a managed file, made where missing."""
        try:
            with opened(Path(path).parent, self._root, make=True) as folder:
                yield folder
        except NotADirectoryError as error:
            raise _no_directory(str(error.filename)) from error

    def _remove(self, path: str, *, beside: bool = False) -> None:
        name = _beside(path) if beside else Path(path).name
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            opened(Path(path).parent, self._root) as folder,
        ):
            os.unlink(name, dir_fd=folder)

    def _keep(self, path: str) -> dict[str, str]:
        """Keep what is at a path, and say how to put it back."""
        name = Path(path).name
        with self._folder(path) as folder:
            try:
                status, content = _read(folder, name)
            except FileNotFoundError:
                return {"kind": "none"}
            if stat.S_ISLNK(status.st_mode):
                return {"kind": "link", "to": os.readlink(name, dir_fd=folder)}
        if content is None:
            raise Failed(path, "is not a file", "Move what is there out of the way.")
        copy = hashlib.sha256(path.encode()).hexdigest()[:16]
        with _private(self._state / "old" / copy) as stream:
            stream.write(content)
        return {
            "kind": "file",
            "copy": copy,
            "mode": f"{stat.S_IMODE(status.st_mode):04o}",
            "uid": str(status.st_uid),
            "gid": str(status.st_gid),
        }

    def _write(self, path: str, file: Wanted) -> None:
        uid, gid = ids(path, file["owner"], file["group"])
        self._replace(path, file["content"].encode(), int(file["mode"], 8), uid, gid)

    def _replace(self, path: str, content: bytes, mode: int, uid: int, gid: int) -> None:
        temporary = _beside(path)
        with self._folder(path) as folder:
            with _private(Path(temporary), folder) as stream:
                stream.write(content)
                os.fchown(stream.fileno(), uid, gid)
                os.fchmod(stream.fileno(), mode)
            os.rename(temporary, Path(path).name, src_dir_fd=folder, dst_dir_fd=folder)

    def _save(self) -> None:
        write_json(self._record, self.unsettled)


def ids(path: str, owner: str, group: str) -> tuple[int, int]:
    """Numbers of an owner and a group by name."""
    try:
        return pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise Failed(path, f"should belong to {owner}:{group}, and {error.args[0]}") from error


def _beside(path: str) -> str:
    """A name that no include directory reads: a leading dot and a strange ending."""
    return f".{Path(path).name}.stages-host"


def _no_directory(path: str) -> Failed:
    return Failed(path, "is not a directory", "Move what is there away.")


def make_directories(directories: dict[str, Wanted], base: Path = Path("/")) -> None:
    """Make directories, or correct their mode and owner, parents first.

    A link in the place of one is refused, whoever put it there.
    """
    for path in sorted(directories):
        directory = directories[path]
        uid, gid = ids(path, directory["owner"], directory["group"])
        mode = int(directory["mode"], 8)
        try:
            with opened(Path(path), base, make=True) as folder:
                status = os.fstat(folder)
                if (status.st_uid, status.st_gid) != (uid, gid):
                    os.fchown(folder, uid, gid)
                if stat.S_IMODE(status.st_mode) != mode:
                    os.fchmod(folder, mode)
        except NotADirectoryError as error:
            raise _no_directory(path) from error


def _private(path: Path, folder: int | None = None) -> Any:
    """Open a new file that only root can read, synced on close."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return _Synced(os.open(path, flags, 0o600, dir_fd=folder), "wb")


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
    """Note something: all of it or nothing, and on disk when this returns."""
    temporary = path.with_suffix(".new")
    with _private(temporary) as stream:
        stream.write(json.dumps(value).encode())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
