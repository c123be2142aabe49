"""What somebody may have meant: the known names that are nearest to one that is not known."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], most: int = 1) -> list[str]:
    """Return at most ``most`` names, the nearest first; none where none is near."""
    import difflib  # late: only who errs needs it

    return difflib.get_close_matches(name, sorted(set(known)), n=most, cutoff=0.5)
