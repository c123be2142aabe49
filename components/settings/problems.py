"""How a wrong value is told: without its secrets, in one line, with all others of the same file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from components.errors import UserError, invalid

LONGEST_SHOWN = 60
"""Characters of a value that an error repeats; what is longer is cut."""

PREFIX = "stages:"


class Problems(UserError):
    """Several problems of one file; ``str`` has one on each line."""

    def __init__(self, problems: Iterable[UserError]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def unknown_names(*chosen: tuple[Callable[[str], object], str | None]) -> Iterator[UserError]:
    """What look-ups say to the names that are chosen; to no name they say nothing."""
    for look_up, name in chosen:
        try:
            if name is not None:
                look_up(name)
        except UserError as error:
            yield error


class Refused(ValueError):
    """Why a value is refused, where that says more than the key's own words do.

    Empty parts stand for the words of the key.
    """

    def __init__(self, should_be: str = "", remedy: str = "", got: str = "") -> None:
        self.should_be = should_be
        self.remedy = remedy
        self.got = got
        super().__init__(should_be, remedy, got)


class Words:
    """Text that an error shows as it is, without quotation marks."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def raise_all(problems: list[UserError]) -> None:
    """Raise what has been collected: nothing, the one problem, or all of them together."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise Problems(problems)


def flat(error: UserError) -> tuple[UserError, ...]:
    """Return the single problems of an error."""
    return error.problems if isinstance(error, Problems) else (error,)


def refusal(
    path: str, should_be: str, value: object, remedy: str, *, hidden: bool = False
) -> UserError:
    """Make the error for ``value``, shown in short, or only described when it may be a secret."""
    return invalid(path, should_be, Words(described(value) if hidden else shown(value)), remedy)


def shown(value: object) -> str:
    """Return a value as one short line of printable characters."""
    if isinstance(value, str) and not is_private_key(value):
        return repr(value if len(value) <= LONGEST_SHOWN else value[: LONGEST_SHOWN - 3] + "...")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) < 10**LONGEST_SHOWN:
        return str(value)
    if isinstance(value, float):
        return repr(value)
    return described(value)


def described(value: object) -> str:
    """Return what kind of value it is, and nothing of its content."""
    match value:
        case None | "":
            return "nothing"
        case bool():
            return "true or false"
        case str() if is_private_key(value):
            return "a private key (not shown)"
        case str():
            return f"text of {_count(len(value), 'character')}"
        case int() | float():
            return "a number"
        case list() | tuple():
            return f"a list of {_count(len(value), 'value')}"
        case dict():
            return f"a map of {_count(len(value), 'value')}"
        case _:
            return f"a {type(value).__name__}"


def is_private_key(value: object) -> bool:
    """Tell whether text holds a private key: those of OpenSSH, PEM and PuTTY."""
    return isinstance(value, str) and bool(re.search("PRIVATE KEY|PuTTY-User-Key", value))


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
