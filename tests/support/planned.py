"""Plans of stacks for tests: of nothing that exists, or as if everything existed already.

``planned`` is what the operator's ``plan`` shows. ``settled`` answers every registration with an id
and outputs of the declared types, so that everything that is computed late is computed (boot
documents, secret files); what the outputs say is made up.
"""

from __future__ import annotations

import itertools
import json
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from google.protobuf import json_format  # type: ignore[import-untyped]
from pulumi import _types
from pulumi.runtime import rpc
from pulumi.runtime.proto import resource_pb2

from components import settings
from components.host.packages import APP_PACKAGES
from components.presets.preset import Detected
from components.program import PROJECT
from components.release import ResolvedRelease
from components.settings import stacks
from planning import plan
from planning.plan import Plan

RELEASE = ResolvedRelease(
    repository="/srv/checkout",
    commit="0123456789abcdef0123456789abcdef01234567",
    procfile="web: gunicorn app\nworker: celery worker\nrelease: python3 manage.py migrate\n",
    uncommitted=False,
    detected=Detected(
        names=("django",),
        title="Django",
        packages=APP_PACKAGES,
        why={"title": "there is a manage.py"},
    ),
)
"""A release that never changes."""

ADDRESS = "198.51.100.7"
"""Every address that a cloud gives, where a test names none of its own."""

Resource = Mapping[str, Any]


def stack_values(stack: str) -> dict[str, object]:
    """The values of a stack file of this checkout."""
    return dict(stacks.values(PROJECT / "stacks" / f"Pulumi.{stack}.yaml", stack))


def planned(stack: str, values: Mapping[str, object] | None = None, **more: object) -> Plan:
    """The plan of a stack file of this checkout, or of ``values``; ``more`` are further settings.

    Keyword ``database__standby`` is the key ``database.standby``.
    """
    return plan.plan_settings(_read(stack, values, more), RELEASE)


def chosen(stack: str, **more: object) -> settings.Settings:
    """The settings that ``planned`` reads."""
    return _read(stack, None, more)


@dataclass
class Settled:
    """A stack as if it existed."""

    plan: Plan
    secrets: dict[str, str]
    """Every secret that was made up, by where it came from."""
    open_inputs: dict[str, dict[str, Any]]
    """Inputs with their secrets in the open, by the resource's name."""


def settled(
    stack: str,
    values: Mapping[str, object] | None = None,
    known: Mapping[str, object] | None = None,
    **more: object,
) -> Settled:
    """The plan of a stack in which everything is there and known.

    ``known`` holds outputs that are not to be made up: ``{"<resource's name>.<output>": value}``,
    and the certificates of look-ups: ``{"<function>.certificate": value}``.
    """
    world = _World(known or {})
    made = plan.plan_settings(
        _read(stack, values, more), RELEASE, answers=world.answer, invokes=world.look_up
    )
    return Settled(made, world.secrets, world.open_inputs)


def only(plan: Plan, type_: str, name: str = "") -> Resource:
    """The one resource of a type, or the one of it whose name ends like this."""
    matching = [resource for resource in of_type(plan, type_) if resource["name"].endswith(name)]
    assert len(matching) == 1, f"{len(matching)} of {type_} {name}"
    return matching[0]


def of_type(plan: Plan, type_: str) -> list[Resource]:
    """The resources whose type ends with ``type_``."""
    return [resource for resource in plan.resources if resource["type"].endswith(type_)]


def needed_by(plan: Plan, resource: Resource) -> set[str]:
    """URNs of everything that has to be there before a resource, near and far."""
    by_urn = {other["urn"]: other for other in plan.resources}
    urns: set[str] = set()
    waiting = list(plan_needs(resource))
    while waiting:
        urn = waiting.pop()
        if urn not in urns and urn in by_urn:
            urns.add(urn)
            waiting += plan_needs(by_urn[urn])
    return urns


def plan_needs(resource: Resource) -> Iterator[str]:
    """URNs that one resource depends on, its parent aside."""
    yield from resource.get("dependencies", ())
    for urns in resource.get("propertyDependencies", {}).values():
        yield from urns


def _read(
    stack: str, values: Mapping[str, object] | None, more: Mapping[str, object]
) -> settings.Settings:
    everything = dict(stack_values(stack) if values is None else values)
    everything |= {key.replace("__", "."): value for key, value in more.items()}
    return settings.read(stack, everything)


class _World:
    """Makes up ids and outputs."""

    def __init__(self, known: Mapping[str, object]) -> None:
        self.known = known
        self.numbers = itertools.count(1001)
        self.secrets: dict[str, str] = {}
        self.open_inputs: dict[str, dict[str, Any]] = {}
        self.classes: dict[str, type] = {}

    def answer(
        self, request: resource_pb2.RegisterResourceRequest
    ) -> tuple[str, Mapping[str, Any]]:
        given = json_format.MessageToDict(request.object)
        self.open_inputs[request.name] = _opened(given)
        types = _types.resource_types(self._class(request.type))
        hidden = set(request.additionalSecretOutputs)
        known: dict[str, Any] = {}
        for name, type_ in types.items():
            if given.get(name) is None:
                where = f"{request.name}.{name}"
                value = self._value(where, type_, given)
                known[name] = self._secret(where, value) if name in hidden else value
        return str(next(self.numbers)), known

    def look_up(self, token: str) -> Mapping[str, Any]:
        function = token.rpartition(":")[2]
        return {
            "id": f"{function}-id",
            "certificate": self.known.get(f"{function}.certificate", f"CA of {function}"),
            "architecture": "x86_64",
        }

    def _value(self, where: str, type_: Any, given: Mapping[str, Any]) -> Any:
        if where in self.known:
            return self.known[where]
        if "names" in given and where.endswith(".values"):  # GeneratedSecrets
            return {name: f"made-up-{where}-{name}" for name in given["names"]}
        if where.endswith("-first-boot.failed"):  # FirstBoot: it did not fail
            return ""
        origin = typing.get_origin(type_) or type_
        if origin is int:
            return 4711
        if origin is float:
            return 1.5
        if origin is bool:
            return False
        if origin is str:
            return self._text(where)
        return {} if origin in {dict, Mapping} or _types.is_output_type(origin) else []

    def _text(self, where: str) -> str:
        name, _, output = where.rpartition(".")
        if output == "name":
            return f"{name}-0a1b2c3"
        if output == "arn":
            return "arn:aws:ec2:eu-central-1:123456789012:instance/i-0123456789abcdef0"
        if re.search(r"ip(v4)?(_?address)?(_?private)?$", output, re.IGNORECASE):
            return ADDRESS
        return f"made-up-{where}"

    def _class(self, type_: str) -> type:
        """The SDK's class for a type; modules of an SDK are imported as the program needs them."""
        if type_ not in self.classes:
            self.classes = {_token(cls): cls for cls in _every(pulumi.CustomResource)}
        return self.classes[type_]

    def _secret(self, where: str, value: Any) -> dict[str, Any]:
        for name, text in value.items() if isinstance(value, dict) else [("", value)]:
            self.secrets[f"{where} {name}".strip()] = str(text)
        return {rpc._special_sig_key: rpc._special_secret_sig, "value": value}


def _opened(value: Any) -> Any:
    """A value without the marks of its secrets."""
    if isinstance(value, dict):
        if value.get(rpc._special_sig_key) == rpc._special_secret_sig:
            return _opened(value["value"])
        return {key: _opened(item) for key, item in value.items()}
    return [_opened(item) for item in value] if isinstance(value, list) else value


def _every(cls: type[Any]) -> Iterator[type[Any]]:
    sub: type[Any]
    for sub in cls.__subclasses__():
        yield sub
        yield from _every(sub)


def _token(cls: type) -> str:
    dynamic = getattr(cls, "_resource_type_name", None)
    return f"pulumi-python:{dynamic}" if dynamic else str(getattr(cls, "pulumi_type", cls))


def text_of(resource: Resource) -> str:
    """All inputs of a resource as one text, to search."""
    return json.dumps(resource["inputs"], ensure_ascii=False)
