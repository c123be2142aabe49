"""Random secrets of a stack: made once, encrypted in its state, never made again.

A name that is added later gets a value of its own and the others stay; a name that is taken away
takes its value with it. Nothing outside the state knows them, so that losing the state loses them.
"""

from __future__ import annotations

import secrets
from typing import Any

import pulumi
from pulumi.dynamic import (
    CreateResult,
    DiffResult,
    Resource,
    UpdateResult,
)

from components.resources.provider import Provider

BYTES = 32
"""256 bits, 43 characters of the URL-safe alphabet: fit for a password in a URL or an ini file."""


def generate(names: list[str], known: dict[str, str]) -> dict[str, str]:
    """A value for every name: the one it has, or a new one."""
    return {name: known.get(name) or secrets.token_urlsafe(BYTES) for name in sorted(names)}


class GeneratedSecretsProvider(Provider):
    """Makes values where there are none."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Only the list of names can change, and never by a replacement."""
        return DiffResult(changes=sorted(_news["names"]) != sorted(_olds["values"]), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        values = generate(props["names"], {})
        return CreateResult("secrets", {"names": props["names"], "values": values})

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        values = generate(_news["names"], _olds["values"])
        return UpdateResult({"names": _news["names"], "values": values})


class GeneratedSecrets(Resource, module="stages", name="GeneratedSecrets"):
    """One random value for each name. Costs nothing."""

    values: pulumi.Output[dict[str, str]]

    def __init__(
        self, name: str, names: tuple[str, ...], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["values"])
        super().__init__(
            GeneratedSecretsProvider(),
            name,
            {"names": sorted(names), "values": None},
            pulumi.ResourceOptions.merge(secret, opts),
        )

    def value(self, name: str) -> pulumi.Output[str]:
        """The secret called ``name``."""
        return pulumi.Output.secret(self.values.apply(lambda values: values[name]))
