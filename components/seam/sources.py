"""Where a value of a plan comes from."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator


def trace(
    urns: Iterable[str],
    there: Container[str],
    is_wanted: Callable[[str], bool],
    sources: Callable[[str], Iterable[str]],
) -> Iterator[str]:
    """Those of ``there`` that are wanted, the nearest first, through the others if need be."""
    seen: set[str] = set()
    waiting = list(urns)
    while waiting:
        urn = waiting.pop(0)
        if urn in seen or urn not in there:
            continue
        seen.add(urn)
        if is_wanted(urn):
            yield urn
        else:
            waiting += sources(urn)
