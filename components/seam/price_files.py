"""Price files that somebody saved from a vendor."""

from __future__ import annotations

from pathlib import Path
from typing import Final

HEAD_CHARACTERS: Final = 4096


def begins_with(path: Path, key: str) -> bool:
    """Whether a JSON file has a key near its beginning: some are too large to read for nothing."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return f'"{key}"' in file.read(HEAD_CHARACTERS)
