"""Stands where the engine's resource monitor is: writes registrations down and makes nothing.

By default it answers as the engine does in a preview of a stack that does not exist yet: the inputs
come back, everything else is unknown. ``Answers`` may know more (the tests' stand for made things).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import resource_pb2

Answers = Callable[[resource_pb2.RegisterResourceRequest], tuple[str, Mapping[str, Any]]]
"""From a registration to an id and the outputs that are not inputs."""
Invokes = Callable[[str], Mapping[str, Any]]
"""From a function's token to its result."""

FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
)
STACK = "pulumi:pulumi:Stack"


@dataclass
class Recorder:
    """The part of the monitor's interface that the SDK calls."""

    project: str
    stack: str
    answers: Answers | None = None
    invokes: Invokes | None = None
    registrations: dict[str, resource_pb2.RegisterResourceRequest] = field(default_factory=dict)
    """By URN, in the order in which the program made them."""
    twice: list[str] = field(default_factory=list)
    """URNs that were registered more than once: the engine refuses such a program."""
    outputs: struct_pb2.Struct = field(default_factory=struct_pb2.Struct)
    """The stack's outputs."""
    lookups: list[tuple[str, struct_pb2.Struct]] = field(default_factory=list)
    """Functions of providers that the program called, with their arguments."""

    def GetDeploymentInfo(self, _request: object) -> resource_pb2.DeploymentInfo:
        return resource_pb2.DeploymentInfo(supportedFeatures=list(FEATURES))

    def RegisterResource(
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        urn = self.urn(request)
        if urn in self.registrations:
            self.twice.append(urn)
        self.registrations[urn] = request
        if not request.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        response = resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        if self.answers is not None:
            response.id, known = self.answers(request)
            for key, value in known.items():
                response.object.fields[key].CopyFrom(as_value(value))
        return response

    def ReadResource(
        self, request: resource_pb2.ReadResourceRequest
    ) -> resource_pb2.ReadResourceResponse:
        """Another stack's outputs: nobody knows them here."""
        urn = f"urn:pulumi:{self.stack}::{self.project}::{request.type}::{request.name}"
        return resource_pb2.ReadResourceResponse(urn=urn, properties=request.properties)

    def RegisterResourceOutputs(
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        if f"::{STACK}::" in request.urn:
            self.outputs = request.outputs
        return empty_pb2.Empty()

    def Invoke(
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeResponse:
        self.lookups.append((request.tok, request.args))
        if self.invokes is None:
            return resource_pb2.ResourceInvokeResponse(unknown=True)
        result = struct_pb2.Struct()
        for key, value in self.invokes(request.tok).items():
            result.fields[key].CopyFrom(as_value(value))
        return resource_pb2.ResourceInvokeResponse(**{"return": result})

    def SignalAndWaitForShutdown(self, _request: object) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def urn(self, request: resource_pb2.RegisterResourceRequest) -> str:
        """The URN as the engine makes it: the parent's types and the own, the own name."""
        chain = request.type
        if request.parent:
            types = request.parent.split("::")[2]
            if types != STACK:
                chain = f"{types}${request.type}"
        return f"urn:pulumi:{self.stack}::{self.project}::{chain}::{request.name}"


def as_value(value: Any) -> struct_pb2.Value:
    """A plain value, or one that is on the wire already, as the wire has it."""
    if isinstance(value, struct_pb2.Value):
        return value
    holder = struct_pb2.ListValue()
    holder.extend([value])
    return holder.values[0]
