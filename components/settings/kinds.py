"""Kinds of values: how the text or JSON of a stack file becomes a typed value.

The Pulumi CLI hands every value over as text (``"2"``, ``"true"``, JSON for lists and maps); a
parsed YAML file has numbers, booleans, lists and maps. Both forms are read alike.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from components.errors import UserError, invalid
from components.settings.problems import Refused, Words, flat, raise_all, refusal

T_co = TypeVar("T_co", covariant=True)

ENCRYPTED = "(encrypted)"
"""What a secret reads like in a file that the engine has not read."""


class Kind(ABC, Generic[T_co]):
    """How one kind of value is read. ``allowed`` completes the sentence "should be ..."."""

    allowed: str

    @property
    def may_be_secret(self) -> bool:
        """Whether the value may stand encrypted in a stack's file."""
        return False

    @abstractmethod
    def read(self, path: str, value: object) -> T_co:
        """Return the typed value or raise ``UserError`` naming ``path``."""


@dataclass(frozen=True, kw_only=True)
class Single(Kind[T_co]):
    """A value that is read as a whole."""

    allowed: str
    convert: Callable[[object], T_co]
    """Raises ``ValueError`` for a value that is not allowed; ``Refused`` to say more about it."""
    remedy: str = ""
    hidden: bool = False
    """Whether the value may hold a secret, so that errors only describe it."""

    def read(self, path: str, value: object) -> T_co:
        try:
            return self.convert(value)
        except Refused as why:
            should_be, remedy = why.should_be or self.allowed, why.remedy or self.remedy
            if why.got:
                raise invalid(path, should_be, Words(why.got), remedy) from None
            raise refusal(path, should_be, value, remedy, hidden=self.hidden) from None
        except ValueError:
            raise refusal(path, self.allowed, value, self.remedy, hidden=self.hidden) from None


@dataclass(frozen=True, kw_only=True)
class Secret(Single[str]):
    """A text that belongs encrypted into a stack's file, where it stands as ``ENCRYPTED``."""

    hidden: bool = True

    def read(self, path: str, value: object) -> str:
        return ENCRYPTED if is_encrypted(value) else super().read(path, value)

    @property
    def may_be_secret(self) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class ListOf(Kind[tuple[str, ...]]):
    """A list, each value of one kind; what stands there twice is kept once."""

    of: Single[str]
    allowed: str
    remedy: str

    def read(self, path: str, value: object) -> tuple[str, ...]:
        good, problems = self.sort(path, value)
        raise_all(problems)
        return good

    def sort(self, path: str, value: object) -> tuple[tuple[str, ...], list[UserError]]:
        """Return what is right in the list, and the problems of the rest."""
        values = from_json(value, list)
        if not isinstance(values, list | tuple):
            hidden = self.of.hidden
            return (), [refusal(path, self.allowed, value, self.remedy, hidden=hidden)]
        good: dict[str, None] = {}
        problems: list[UserError] = []
        for number, item in enumerate(values):
            try:
                good[self.of.read(f"{path}[{number}]", item)] = None
            except UserError as error:
                problems.extend(flat(error))
        return tuple(good), problems


@dataclass(frozen=True, kw_only=True)
class MapOf(Kind[dict[str, str]]):
    """A map of names to texts, of which some or all may be secrets where the values are hidden.

    In a file that the engine has not read a secret is ``{secure: ...}``, and only the engine can
    check it: it stands as ``ENCRYPTED`` until then, and a map that is one as an empty map.
    """

    names: Single[str]
    values: Single[str]
    allowed: str
    remedy: str

    def read(self, path: str, value: object) -> dict[str, str]:
        if self.may_be_secret and is_encrypted(value):
            return {}
        pairs = from_json(value, dict)
        if not isinstance(pairs, dict):
            raise refusal(path, self.allowed, value, self.remedy, hidden=self.values.hidden)
        problems: list[UserError] = []
        good: dict[str, str] = {}
        for name, item in pairs.items():
            try:
                checked = self.names.read(path, name)
                secret = self.may_be_secret and is_encrypted(item)
                good[checked] = ENCRYPTED if secret else self.values.read(f"{path}.{checked}", item)
            except UserError as error:
                problems.extend(flat(error))
        raise_all(problems)
        return good

    @property
    def may_be_secret(self) -> bool:
        return self.values.hidden


def is_encrypted(value: object) -> bool:
    """Tell whether a value of a parsed file is one that only the engine can read."""
    return (
        isinstance(value, dict) and list(value) == ["secure"] and isinstance(value["secure"], str)
    )


def whole(least: int, most: int) -> Single[int]:
    """A whole number within a range."""

    def convert(value: object) -> int:
        number = _whole(value)
        if not least <= number <= most:
            raise ValueError
        return number

    return Single(allowed=f"a whole number from {least} to {most}", convert=convert)


def _whole(value: object) -> int:
    """Read an integer; ``2.0`` is one too, ``true`` and ``"1_0"`` are none."""
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value.strip()):
        return int(value)
    raise ValueError


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    raise ValueError


SWITCH = Single(allowed="true or false", convert=_switch)


def from_json(value: object, wanted: type) -> object:
    """Return the list or map that JSON text stands for; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return parsed if isinstance(parsed, wanted) else value
