"""Does a version fit what a repository asks for, in the words of npm, RubyGems and Python?"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"(\^|~>|~=|~|>=|<=|==|!=|>|<|=)?\s*v?([0-9x*]+(?:\.[0-9x*]+)*)[^\s,|]*")
Version = tuple[int, ...]


def fits(version: str, wanted: str, same: int = 2) -> bool:
    """Whether ``version`` (three numbers) is in the range ``wanted``.

    A plain version stands for itself and for later ones whose first ``same`` numbers are its own:
    Debian keeps those and mends the rest. Raises ``ValueError`` for what is no range.
    """
    have = _numbers(version)
    return any(_satisfies_all(have, part.strip(), same) for part in wanted.split("||"))


def series(wanted: str) -> str:
    """A range as the version that it begins with: ``^22.3`` is ``22``, ``>=3.14,<4`` is ``3.14``.

    Raises ``ValueError`` for what is no range.
    """
    match = _TOKEN.search(wanted)
    if match is None or not _numbers(match[2]):
        raise ValueError(wanted)
    parts = [str(number) for number in _numbers(match[2])]
    return ".".join(parts[:1] if match[1] == "^" else parts[:2] if match[1] else parts)


def _satisfies_all(have: Version, part: str, same: int) -> bool:
    if part in {"", "*", "x", "X"}:
        return True
    low, dash, high = part.partition(" - ")
    if dash:
        return _satisfies(have, ">=", low, same) and _satisfies(have, "<=", high, same)
    rest = _TOKEN.sub(" ", part)
    if rest.strip(" ,"):
        raise ValueError(part)
    return all(_satisfies(have, match[1] or "", match[2], same) for match in _TOKEN.finditer(part))


def _satisfies(have: Version, operator: str, text: str, same: int) -> bool:
    wanted = _numbers(text)
    near = have[: len(wanted)]
    match operator:
        case ">=":
            return have >= wanted
        case ">":
            return near > wanted
        case "<=":
            return near <= wanted
        case "<":
            return have < wanted
        case "!=":
            return near != wanted
        case "^":
            length = next((place for place, number in enumerate(wanted) if number), 0) + 1
            return have >= wanted and have[:length] == wanted[:length]
        case "~":
            return have >= wanted and have[: min(2, len(wanted))] == wanted[:2]
        case "~>" | "~=":
            return have >= wanted and have[: len(wanted) - 1] == wanted[:-1]
        case _:
            return near == wanted[: len(near)] or (have[:same] == wanted[:same] and have >= wanted)


def _numbers(text: str) -> Version:
    """``3.12.x`` is 3.12; a prerelease's words are dropped."""
    numbers = []
    for part in text.strip().removeprefix("v").split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
