"""Files that are there whole or as they were: a stopped write leaves no half."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from components.errors import UserError


def write(path: Path, text: str) -> None:
    """Put a text into a file at once; raises ``UserError`` where that is not possible."""
    made = None
    try:
        handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(made).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(made).replace(path)
    except OSError as problem:
        if made:
            Path(made).unlink(missing_ok=True)
        raise UserError(
            f"{path}: should be a file that can be written, got an error ({problem.strerror})"
        ) from None
