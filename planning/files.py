"""Reads the files that a command was given."""

from __future__ import annotations

from pathlib import Path

from components.errors import UserError


def read(path: Path, name: str) -> str:
    """The text of a file; raises ``UserError`` when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{name}: should be a file, got none") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(
            f"{name}: should be a readable text file, got an error ({problem})"
        ) from None
