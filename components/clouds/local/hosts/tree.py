"""Files of a host, as root of the machine opens them: by descriptor, and through no link.

Whoever is root on a host may put a link anywhere in its files. Followed from outside it leads to
files of the machine. So each folder on the way is opened in the one above it, and a link is an
error. What is read is a regular file of a stated size, so that neither a pipe nor a large file
stops or fills the machine.

Nothing else in this folder opens a path below a host's ``upper`` directory or below
``/proc/<pid>/root`` (``tests/unit/clouds/local/test_tree.py``).
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from components.errors import StepFailed

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class Tree:
    """The files below one directory, which itself only root of the machine can replace."""

    def __init__(self, base: Path, host: str) -> None:
        """``host`` is the name that errors give it."""
        self._base = base
        self._host = host

    def read(self, path: str, limit: int) -> bytes | None:
        """The first ``limit`` bytes of a regular file; ``None`` where there is none."""
        with self._place(path) as (folder, name):
            return None if folder is None else _read(folder, name, limit)

    def put(self, path: str, text: str | bytes, *, mode: int = 0o644, owner: int = 0) -> bool:
        """Write a whole file or none; folders that are missing get the same owner (uid and gid).

        Returns whether it was another before. Owner and mode of a file with this text stay.
        """
        wanted = text if isinstance(text, bytes) else text.encode()
        with self._place(path, owner) as (folder, name):
            assert folder is not None  # noqa: S101
            if _read(folder, name, len(wanted) + 1) == wanted:
                return False
            temporary = f".{name}.{os.getpid()}.{time.monotonic_ns()}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            descriptor = os.open(temporary, flags, 0o600, dir_fd=folder)
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(wanted)
                handle.flush()
                os.fsync(descriptor)
                os.fchown(descriptor, owner, owner)
                os.fchmod(descriptor, mode)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        return True

    def link(self, path: str, target: str) -> None:
        """Make a link; the host follows it, nobody here does. One that is there is replaced."""
        with self._place(path, 0) as (folder, name):
            temporary = f".{name}.{os.getpid()}.{time.monotonic_ns()}"
            os.symlink(target, temporary, dir_fd=folder)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)

    @contextmanager
    def _place(self, path: str, owner: int | None = None) -> Iterator[tuple[int | None, str]]:
        """The folder of a path, open, and the name in it.

        With ``owner`` missing folders are made; without it the folder is ``None`` where one is
        missing. Raises ``UserError`` for what the host alone can have brought about.
        """
        *folders, name = PurePosixPath(path.lstrip("/")).parts
        if ".." in folders or name == "..":
            raise ValueError(f"not a path of a host: {path!r}")
        descriptor = os.open(self._base, os.O_RDONLY | os.O_DIRECTORY)
        at = self._base.anchor
        try:
            for at in folders:
                inner = _enter(descriptor, at, owner)
                if inner is None:
                    yield None, name
                    return
                os.close(descriptor)
                descriptor = inner
            at = name
            yield descriptor, name
        except (NotADirectoryError, IsADirectoryError) as problem:
            raise StepFailed(
                f"{path} on host {self._host}: should be a file in folders, got a link or something"
                f" else at {at!r}",
                "Root of that host has put it there: remove it, or make a new host in its place",
            ) from problem
        finally:
            os.close(descriptor)


def _enter(folder: int, name: str, owner: int | None) -> int | None:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if owner is None:
            return None
    os.mkdir(name, 0o755, dir_fd=folder)
    made = os.open(name, _FOLDER, dir_fd=folder)
    os.fchown(made, owner, owner)
    return made


def _read(folder: int, name: str, limit: int) -> bytes | None:
    """Opened twice: what the first, which touches nothing, shows to be a file is what is read."""
    try:
        descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with Path(f"/proc/self/fd/{descriptor}").open("rb") as handle:
            return handle.read(limit)
    finally:
        os.close(descriptor)
