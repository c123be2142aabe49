"""How two values of an input differ, leaf by leaf, in words that may be shown."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from components.seam.planned import SECRET
from components.settings.kinds import is_encrypted
from planning.difference import redact
from planning.difference.document import Value

LONGEST: Final = 300
"""Characters of one value."""
MOST_LINES: Final = 60
"""Lines of the difference of one text."""
MOST_LEAVES: Final = 200
"""Changed leaves of one resource."""

_NONE = object()


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Value, ...]:
    """Every leaf of the given inputs that is not the same on both sides."""
    values: list[Value] = []
    for key in sorted({*before, *after}):
        values += _leaves(key, before.get(key, _NONE), after.get(key, _NONE))
    if len(values) > MOST_LEAVES:
        rest = len(values) - MOST_LEAVES + 1
        more = Value(path=f"and {rest} more", before=None, after=None)
        return (*values[: MOST_LEAVES - 1], more)
    return tuple(values)


def _leaves(path: str, before: Any, after: Any) -> Iterator[Value]:
    if _same(before, after):
        return
    if is_encrypted(before) or is_encrypted(after):
        yield Value(path=path, before=None, after=None, secret=True)
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}, key=str):
            at = f"{path}.{key}" if str(key).isidentifier() else f'{path}["{key}"]'
            yield from _leaves(at, before.get(key, _NONE), after.get(key, _NONE))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _leaves(f"{path}[{number}]", old, new)
    else:
        yield _leaf(path, before, after)


def _leaf(path: str, before: Any, after: Any) -> Value:
    if redact.is_secret_name(path) or SECRET in (before, after):
        return Value(path=path, before=None, after=None, secret=True)
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        lines = _diff(redact.without_secrets(before), redact.without_secrets(after))
        if not lines:
            return Value(path=path, before=None, after=None, secret=True)
        return Value(path=path, before=None, after=None, diff=lines)
    old, new = _text(before), _text(after)
    return Value(path=path, before=old, after=new, secret=old == new)


def _text(value: Any) -> str | None:
    if value is _NONE:
        return None
    text = value if isinstance(value, str) else json.dumps(_clean(value), ensure_ascii=False)
    text = redact.without_secrets(text)
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST - 20]}... ({len(text):,} characters)"


def _clean(value: Any) -> Any:
    """A structure without long texts, and without what is a secret by its name."""
    if isinstance(value, Mapping):
        return {
            key: SECRET if redact.is_secret_name(str(key)) else _clean(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, str) and "\n" in value:
        return f"({len(value.splitlines())} lines)"
    return redact.without_secrets(value) if isinstance(value, str) else value


def _diff(before: str, after: str) -> tuple[str, ...]:
    """The lines that differ, with one of context; the file's names are left out."""
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
    lines = [line[:LONGEST] for line in list(diff)[2:]]
    if len(lines) > MOST_LINES:
        return (*lines[: MOST_LINES - 1], f"... {len(lines) - MOST_LINES + 1} more lines")
    return tuple(lines)


def _same(before: Any, after: Any) -> bool:
    """Whether nothing differs; 1 is 1.0 and not true."""
    return bool(before == after) and isinstance(before, bool) == isinstance(after, bool)
