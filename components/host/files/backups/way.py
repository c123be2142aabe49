"""What `cluster` (stage 1) and `dumps` (stage 2) have in common: each is a module of this kind."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol


class Way(Protocol):
    """How a backup is made, and a copy of the database beside the running one.

    Sessions are the app's: none of the dump's, or of the database's own code, has more rights.
    """

    def backups(self) -> list[dict[str, Any]]:
        """Those in the bucket, the oldest first."""

    def due(self, known: list[dict[str, Any]], now_s: float) -> str:
        """Which kind should be made now; empty: none."""

    def kind(self, known: list[dict[str, Any]]) -> str:
        """Which kind to make when one is asked for."""

    def make(self, kind: str) -> dict[str, Any]: ...

    def state(self) -> dict[str, Any]:
        """What else ``status`` shows, beside the records."""

    def verify(self) -> dict[str, Any]: ...

    def copy(
        self, what: str, words: tuple[str, ...]
    ) -> AbstractContextManager[dict[str, Any], bool | None]:
        """Make a copy, and have it answer meanwhile; yields what it shows, which is recorded as
        ``what``."""

    def dump(self, *words: str) -> None:
        """Write a dump to standard output."""

    def session(self, *, live: bool = False) -> list[str]:
        """psql's command for a session with the copy, or with the running database."""

    def ask(self, sql: str, *, live: bool = False) -> str: ...

    def counts(self, *, live: bool = False) -> dict[str, int]:
        """Rows of each table."""

    def room(self, size_bytes: int) -> None:
        """Raise ``Failed`` where the running database has no room for so much more."""
