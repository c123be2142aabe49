"""Directories, opened so that nobody but root decides where root ends up.

Whoever may write a directory may put a link into it at any moment, also between a look and an
action. So root opens each part of a path from the one before and follows no link, and acts on what
it has opened: the rule for every path below a directory that a lesser user can write.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def opened(path: Path, base: Path = Path("/"), *, make: bool = False) -> Iterator[int]:
    """Open the directory at an absolute path; yield its descriptor.

    ``base`` takes the place of ``/``. With ``make`` missing parts are made (0755). Raises
    ``NotADirectoryError`` for a part that is a link or a file.
    """
    descriptor = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in path.parts[1:]:
            try:
                inner = _open(part, descriptor, make=make)
            except NotADirectoryError as error:
                raise NotADirectoryError(error.errno, error.strerror, str(path)) from None
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _open(name: str, parent: int, *, make: bool) -> int:
    if make:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=parent)
    return os.open(name, _DIRECTORY, dir_fd=parent)


def remove(path: Path, away: Path) -> None:
    """Remove a tree that belongs to a lesser user; nothing happens where there is none.

    Its parent must be root's. It is moved to ``away`` first, a directory for root alone on the same
    file system: from then on nobody opens a path into it.
    """
    if away.is_symlink():
        away.unlink()
    with opened(
        away, make=True
    ) as folder:  # It may have been made by whoever had its parent before.
        os.fchown(folder, os.geteuid(), os.getegid())
        os.fchmod(folder, 0o700)
    out_of_reach = away / path.name
    _delete(out_of_reach)  # Left by a run that was killed.
    with contextlib.suppress(FileNotFoundError):
        path.rename(out_of_reach)
        _delete(out_of_reach)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
