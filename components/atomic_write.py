"""Files that are there whole or as they were: a stopped write leaves no half."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from components.errors import UserError


def write(path: Path, text: str) -> None:
    """Put a text into a file at once; raises ``UserError`` where that is not possible."""
    try:
        replace(path, text)
    except OSError as problem:
        raise UserError(
            f"{path}: should be a file that can be written, got an error ({problem.strerror})"
        ) from None


def replace(path: Path, text: str) -> None:
    """The same, for who says in words of its own why it cannot be; raises ``OSError``."""
    handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(made).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(made).replace(path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise
