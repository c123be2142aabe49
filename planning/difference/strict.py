"""Reads JSON from whoever into frozen dataclasses, or says in one sentence why not."""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

from components.errors import UserError, invalid

T = TypeVar("T")
MONEY: Final = r"-?[0-9]{1,3}(?:,?[0-9]{3}){0,4}\.[0-9]{2}"
"""An amount in dollars and cents."""
LONGEST_SHOWN: Final = 60
MOST_NUMBER: Final = 10**9


@dataclass(frozen=True)
class Limits:
    """How much one document may hold."""

    text: int
    """Characters of one text."""
    items: int
    """Entries of one list."""
    patterns: Mapping[tuple[str, str], str]
    """By class and field: what the whole text has to match."""


def parse(text: str | bytes, name: str, most_bytes: int) -> Any:
    """Parse JSON of a bounded size; raises ``UserError`` for anything else."""
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if len(raw) > most_bytes:
        raise invalid(name, f"at most {most_bytes:,} bytes", f"{len(raw):,}")
    try:
        return json.loads(raw, object_pairs_hook=_once, parse_constant=_constant)
    except (ValueError, RecursionError) as problem:
        what = "it is nested too deeply" if isinstance(problem, RecursionError) else str(problem)
        raise UserError(f"{name}: should be JSON, got an error ({shown(what)})") from None


def build(cls: type[T], parsed: object, path: str, limits: Limits) -> T:
    """Make a dataclass of a parsed object: every field that it must have, and no other."""
    if not isinstance(parsed, dict):
        raise invalid(path, "an object", shown(parsed))
    fields = {field.name: field for field in dataclasses.fields(typing.cast(Any, cls))}
    for key in parsed:
        if key not in fields:
            raise invalid(path, f"an object with {', '.join(fields)} only", shown(key))
    hints = typing.get_type_hints(cls)
    values = {}
    for name, field in fields.items():
        if name in parsed:
            at = f"{path}.{name}"
            values[name] = _value(hints[name], parsed[name], at, limits)
            _match(limits.patterns.get((cls.__name__, name)), values[name], at)
        elif field.default is dataclasses.MISSING:
            raise invalid(f"{path}.{name}", "there", "nothing")
    return cls(**values)


def shown(got: object) -> str:
    """What was got, short and on one line, for an error."""
    text = str(got) if isinstance(got, str) else json.dumps(got, default=str)
    clean = "".join(character if character.isprintable() else "?" for character in text)
    return clean if len(clean) <= LONGEST_SHOWN else clean[: LONGEST_SHOWN - 3] + "..."


def _value(hint: Any, value: object, path: str, limits: Limits) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        if value is None:
            return None
        (other,) = [argument for argument in arguments if argument is not type(None)]
        return _value(other, value, path, limits)
    if origin is typing.Literal:
        if not isinstance(value, str) or value not in arguments:
            raise invalid(path, f"one of {', '.join(map(repr, arguments))}", shown(value))
        return value
    if origin is tuple:
        return _list(arguments, value, path, limits)
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type[Any], hint), value, path, limits)
    if hint is str:
        return _text(value, path, limits)
    if hint is int:
        if type(value) is not int or not 0 <= value <= MOST_NUMBER:
            raise invalid(path, f"a whole number from 0 to {MOST_NUMBER:,}", shown(value))
        return value
    if hint is bool:
        if type(value) is not bool:
            raise invalid(path, "true or false", shown(value))
        return value
    raise TypeError(f"{path}: no way to read a {hint!r}")


def _list(arguments: tuple[Any, ...], value: object, path: str, limits: Limits) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise invalid(path, "a list", shown(value))
    if arguments[-1] is Ellipsis:
        if len(value) > limits.items:
            raise invalid(path, f"at most {limits.items:,} entries", f"{len(value):,}")
        hints = [arguments[0]] * len(value)
    else:
        if len(value) != len(arguments):
            raise invalid(path, f"{len(arguments)} entries", len(value))
        hints = list(arguments)
    return tuple(
        _value(hint, entry, f"{path}[{at}]", limits)
        for at, (hint, entry) in enumerate(zip(hints, value, strict=True))
    )


def _text(value: object, path: str, limits: Limits) -> str:
    if not isinstance(value, str):
        raise invalid(path, "text", shown(value))
    if len(value) > limits.text:
        raise invalid(path, f"at most {limits.text:,} characters", f"{len(value):,}")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise invalid(path, "text without halves of characters", shown(value))
    return value


def _match(pattern: str | None, value: object, path: str) -> None:
    if pattern and isinstance(value, str) and not re.fullmatch(pattern, value, re.ASCII):
        raise invalid(path, f"text like {pattern}", shown(value))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is there twice")
    return members


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
