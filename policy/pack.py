"""The CrossGuard pack: the rules of ``rules.py`` behind the engine's analyzer interface.

A rule about one resource is asked before the resource is made, one about the whole stack at the end
of a preview or of an update. The engine hands secrets over in the open, so that a secret in user
data is known here by where it comes from and by its looks, not by its mark. No value is repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import grpc  # type: ignore[import-untyped]
from pulumi_policy import (  # type: ignore[import-not-found]
    EnforcementLevel,
    PolicyPack,
    ResourceValidationPolicy,
    StackValidationPolicy,
)
from pulumi_policy import policy as internals
from pulumi_policy.deserialize import serialize_properties  # type: ignore[import-not-found]

from components import settings
from components.errors import UserError
from components.seam.planned import UNKNOWNS
from components.settings import Settings
from components.settings.problems import PREFIX
from planning.costs import plan_file
from planning.policies.findings import level_of, look
from planning.policies.rules import RULES, Rule, Seen

NAME = "stages"


class Stack:
    """The stack that the engine works on; told before it asks anything."""

    def __init__(self) -> None:
        self.settings: Settings | None = None

    def configure(self, stack: str, config: Mapping[str, str]) -> None:
        """Read the stack's settings as the program does; raises ``UserError``."""
        own = {
            key.removeprefix(PREFIX): value
            for key, value in config.items()
            if key.startswith(PREFIX)
        }
        self.settings = settings.read(stack, own)

    def seen(self, resources: list[dict[str, Any]]) -> Seen:
        assert self.settings is not None  # the engine configures first  # noqa: S101
        plan = {"resources": resources}
        return look(plan_file.resources(plan, self.settings.stack), self.settings)


def serve() -> None:
    """Serve the pack until the engine ends it."""
    stack = Stack()
    _listen(stack)
    PolicyPack(NAME, policies=[_policy(rule, stack) for rule in RULES])


def _listen(stack: Stack) -> None:
    """Have the stack's name and configuration, which pulumi-policy 1.21 does not hand on."""
    servicer = internals._PolicyAnalyzerServicer
    theirs = servicer.ConfigureStack

    def configure(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            stack.configure(request.stack, request.config)
        except UserError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return theirs(self, request, context)

    servicer.ConfigureStack = configure


def _policy(rule: Rule, stack: Stack) -> Any:
    """One rule as the engine knows it; its level is the settings', which are not known yet."""
    about = {"name": rule.id, "description": rule.what, "remediation_steps": rule.remedy}

    def report(resources: list[dict[str, Any]], say: Any) -> None:
        for violation in rule.check(stack.seen(resources)):
            say(f"{violation.message}. {rule.remedy}", violation.urn or None)

    def of_resource(arguments: Any, say: Any) -> None:
        report([_described(arguments, arguments.resource_type, {})], say)

    def of_stack(arguments: Any, say: Any) -> None:
        resources = [
            _described(resource, resource.resource_type, dict(_sources(resource)))
            for resource in arguments.resources
        ]
        for resource in resources:
            # In a preview these are outputs as well, most of them unknown: as if they were not set.
            resource["inputs"] = {
                key: value for key, value in resource["inputs"].items() if not _is_unknown(value)
            }
        report(resources, say)

    class Levelled:
        """Asks for the level each time: no rule is asked before the stack is configured."""

        @property
        def enforcement_level(self) -> Any:
            level = level_of(rule, stack.settings) if stack.settings else rule.level
            return EnforcementLevel(level)

        @enforcement_level.setter
        def enforcement_level(self, _value: Any) -> None:
            pass

    if rule.of_stack:
        return type("Rule", (Levelled, StackValidationPolicy), {})(validate=of_stack, **about)
    return type("Rule", (Levelled, ResourceValidationPolicy), {})(validate=of_resource, **about)


def _described(resource: Any, type_: str, sources: dict[str, list[str]]) -> dict[str, Any]:
    """A resource as a plan has it."""
    return {
        "urn": resource.urn,
        "type": type_,
        "name": resource.name,
        "inputs": serialize_properties(resource.props),
        "protect": resource.opts.protect,
        "ignoreChanges": list(resource.opts.ignore_changes),
        "propertyDependencies": sources,
    }


def _is_unknown(value: Any) -> bool:
    return isinstance(value, str) and value in UNKNOWNS


def _sources(resource: Any) -> Iterator[tuple[str, list[str]]]:
    for name, sources in resource.property_dependencies.items():
        yield name, [source.urn for source in sources]
