"""What the providers of the local cloud share: an honest ``diff``.

Providers hold no state and live in importable modules, so that the engine's state holds only their
names. Numbers travel as text, since the engine makes floats of them. The output ``present`` is
``no`` when a ``read`` found the object broken but not gone: the next update mends it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pulumi.dynamic import DiffResult, ReadResult, ResourceProvider

from components.errors import UserError
from components.seam.known import Known


class LocalProvider(ResourceProvider):
    """Base of all providers here. An unknown input differs from anything."""

    serialize_as_secret_always = False
    known: ClassVar[Known]
    """What replaces it and what is changed in place; the rest only matters at creation."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        changed = {key for key in (*_news, *_olds) if _news.get(key) != _olds.get(key)}
        replaces = [key for key in self.known.replaces if key in changed]
        return DiffResult(
            changes=_olds.get("present") == "no" or any(map(self.known.is_relevant, changed)),
            replaces=replaces,
            delete_before_replace=self.known.old_first,
        )


def outs(props: dict[str, Any], **made: str) -> dict[str, Any]:
    """The inputs, as outputs, with what was made of them."""
    return {key: value for key, value in {**props, **made}.items() if key != "__provider"}


def yes(value: bool) -> str:
    return "yes" if value else "no"


def missing(what: str, id_: str) -> UserError:
    """The error for what another resource needs and somebody has removed; ids begin with the
    stack's name."""
    stack = id_.split("/", 1)[0]
    return UserError(
        f"{what} {id_} is gone", f"Run `make refresh STACK={stack}`, then `make up STACK={stack}`."
    )


def gone() -> ReadResult:
    """Answer of a ``read`` for what is not there any more: never for what only fails."""
    return ReadResult(id_="", outs={})
