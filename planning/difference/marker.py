"""How the comment is found again, and how long it may be."""

from __future__ import annotations

from typing import Final

MARKER: Final = "<!-- stages-preview -->"
"""First line of the comment. Nothing that a plan holds can put it anywhere else."""

LIMIT: Final = 60_000
"""Characters of a comment at most; GitHub refuses more than 65,536."""
