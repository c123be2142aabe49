"""The declaration of one key: everything that is known about it, in one place.

A key is a field of a frozen dataclass; what it means, its unit, default, allowed values and
remedy are in the field's metadata. Reading, errors and ``docs/settings.md`` come from there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from components.settings.kinds import Kind

T = TypeVar("T")

_META: Final = "key"


class _Missing:
    """Stands for "no default"."""


_NO_DEFAULT: Final = _Missing()


@dataclass(frozen=True, kw_only=True)
class Key:
    """What is known about one key besides its name and type."""

    meaning: str
    kind: Kind[Any]
    example: str
    """A value to copy, as YAML: part of the error when a required key is missing."""
    unit: str
    by_default: str
    """What happens without the key."""
    required: bool
    """Whether it must be given."""
    stages: tuple[int, ...]
    """The stages that it belongs to."""
    elsewhere: str
    """Why the other stages refuse it."""


def key(
    kind: Kind[T],
    meaning: str,
    *,
    default: T | _Missing = _NO_DEFAULT,
    make_default: Callable[[], T] | None = None,
    by_default: str = "",
    example: str = "",
    unit: str = "",
    stages: tuple[int, ...] = (1, 2),
    elsewhere: str = "",
) -> T:
    """Declare a key as a dataclass field.

    ``by_default`` says what happens without the key, where ``default`` alone does not. A key
    without a default and without these words is required, and ``example`` must be given.
    """
    words = by_default or _as_yaml(default)
    about = Key(
        meaning=meaning,
        kind=kind,
        example=example,
        unit=unit,
        by_default=words,
        required=not words,
        stages=stages,
        elsewhere=elsewhere,
    )
    metadata = {_META: about}
    if make_default is not None:
        return dataclasses.field(default_factory=make_default, metadata=metadata)
    if isinstance(default, _Missing):
        return cast(T, dataclasses.field(metadata=metadata))
    return dataclasses.field(default=default, metadata=metadata)


def keys_of(group: type) -> dict[str, Key]:
    """Return the keys that a dataclass declares, by field name, in order."""
    return {
        field.name: cast(Key, field.metadata[_META])
        for field in dataclasses.fields(group)
        if _META in field.metadata
    }


def _as_yaml(default: object) -> str:
    if isinstance(default, _Missing):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"
