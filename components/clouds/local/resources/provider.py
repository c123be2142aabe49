"""What the providers of the local cloud share: an honest ``diff``.

Providers hold no state and live in importable modules, so that the engine's state holds only their
names. Numbers travel as text, since the engine makes floats of them. The output ``present`` is
``no`` when a ``read`` found the object broken but not gone: the next update mends it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pulumi.dynamic import DiffResult, ReadResult, ResourceProvider

from components.errors import UserError


class LocalProvider(ResourceProvider):
    """Base of all providers here. An unknown input differs from anything."""

    serialize_as_secret_always = False
    replaces: ClassVar[tuple[str, ...]] = ()
    """Inputs of which a change makes another object."""
    updates: ClassVar[tuple[str, ...]] = ()
    """Inputs of which a change is made in place; the rest only matters at birth."""
    delete_first: ClassVar[bool] = True
    """Whether the old object goes before the new one comes."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        replaces = [key for key in self.replaces if _news.get(key) != _olds.get(key)]
        updates = [key for key in self.updates if _news.get(key) != _olds.get(key)]
        return DiffResult(
            changes=bool(replaces or updates or _olds.get("present") == "no"),
            replaces=replaces,
            delete_before_replace=self.delete_first,
        )


def outs(props: dict[str, Any], **found: str) -> dict[str, Any]:
    """The inputs, as outputs, with what was made of them."""
    return {key: value for key, value in {**props, **found}.items() if key != "__provider"}


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
