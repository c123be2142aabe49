"""What builds and release commands on hosts print, kept below ``.stages/logs`` of the checkout."""

from __future__ import annotations

import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".stages" / "logs"
KEEP = 20
MOST_BYTES = 16 * 1024**2
"""A host that prints without end must not fill this machine's disk."""


class HostLog:
    """The log of one session; its file is made with its first line."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._room = MOST_BYTES
        self.path: Path | None = None

    def write(self, text: str) -> None:
        """Add lines. They were made visible before."""
        if self.path is None:
            FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
            for old in sorted(FOLDER.glob("host-*.log"), key=lambda file: file.stat().st_mtime)[
                : -(KEEP - 1)
            ]:
                old.unlink(missing_ok=True)
            name = f"host-{self._host}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}.log"
            self.path = FOLDER / name
            self.path.touch(mode=0o600)
        if self._room > 0:
            with self.path.open("a") as file:
                file.write(text[: self._room] + "\n")
            self._room -= len(text)

    @property
    def shown(self) -> str:
        """Its path as seen from the checkout; empty while nothing was written."""
        return str(self.path.relative_to(FOLDER.parents[1])) if self.path else ""
