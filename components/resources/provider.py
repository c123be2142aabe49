"""What the dynamic providers of this folder share.

Providers hold no state and live in importable modules, so that the engine's state holds only their
names: a change of their code is no change of a resource.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pulumi.dynamic import DiffResult, ResourceProvider
from pulumi.runtime.rpc import UNKNOWN

from components.remote import engine_log

engine_log.without_tracebacks()


class Provider(ResourceProvider):
    """Base of all providers here."""

    serialize_as_secret_always = False
    identity: ClassVar[tuple[str, ...]] = ()
    """Inputs of which another value, or one that is not known yet, makes another object."""

    def difference(
        self, old: Mapping[str, Any], new: Mapping[str, Any], *, changes: bool = False
    ) -> DiffResult:
        """A replacement by the identity; ``changes``: whether there is an update without one."""
        replaces = [key for key in self.identity if new[key] == UNKNOWN or new[key] != old.get(key)]
        return DiffResult(
            changes=bool(replaces or changes),
            replaces=replaces,
            delete_before_replace=new["delete_before_replace"] == "yes",
        )


def own(props: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs without the engine's note of the provider, to be kept as outputs."""
    return {key: value for key, value in props.items() if key != "__provider"}


def differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether any input is another one than was kept."""
    return any(value != old.get(key) for key, value in own(new).items())
