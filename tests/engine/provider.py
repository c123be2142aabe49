"""The gRPC face of the stand-in: what the engine believes to be the provider of aws, digitalocean.

Attached with ``PULUMI_DEBUG_PROVIDERS``, for no provider's binary is needed then. It refuses types
and inputs that the SDK does not know, and decides by ``replacing`` what is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2, json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from scripts.lib.events import describe
from tests.engine import replacing, sdk
from tests.engine.cloud import Cloud, Refused

Values = dict[str, Any]


class StandIn(provider_pb2_grpc.ResourceProviderServicer):
    """One package's provider in front of the shared cloud."""

    def __init__(self, package: str, cloud: Cloud, cancelled: Callable[[], None]) -> None:
        self.version = metadata.version(f"pulumi_{package}")
        self.cloud = cloud
        self.cancelled = cancelled

    def Handshake(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "not needed")

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self.version)

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Cancel(self, request: Any, context: Any) -> Any:
        self.cancelled()
        return empty_pb2.Empty()

    def Check(self, request: Any, context: Any) -> Any:
        try:
            type_ = sdk.of(_type(request.urn))
            replacing.of(type_.token)
            problems = sdk.invalid(type_, _values(request.news))
        except (sdk.Unknown, KeyError) as error:
            problems = [str(error)]
        return provider_pb2.CheckResponse(
            inputs=request.news,
            failures=[provider_pb2.CheckFailure(reason=problem) for problem in problems],
        )

    def Diff(self, request: Any, context: Any) -> Any:
        differ = sorted(set(_differ(_values(request.old_inputs), _values(request.news))))
        replaces = replacing.of(_type(request.urn))
        diffs = {}
        for path in differ:
            bare = re.sub(r"\[\d+\]", "", path)
            again = any(
                bare == replaced or bare.startswith(f"{replaced}.") for replaced in replaces
            )
            kind = provider_pb2.PropertyDiff
            diffs[path] = kind(kind=kind.UPDATE_REPLACE if again else kind.UPDATE, inputDiff=True)
        some = provider_pb2.DiffResponse.DIFF_SOME
        return provider_pb2.DiffResponse(
            changes=some if differ else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=sorted({re.split(r"[.\[]", path)[0] for path in differ}),
            replaces=[
                path
                for path, diff in diffs.items()
                if diff.kind == provider_pb2.PropertyDiff.UPDATE_REPLACE
            ],
            detailedDiff=diffs,
            hasDetailedDiff=True,
        )

    def Create(self, request: Any, context: Any) -> Any:
        inputs = _values(request.properties)
        if request.preview:
            later = dict.fromkeys(sdk.of(_type(request.urn)).outputs, rpc.UNKNOWN)
            return provider_pb2.CreateResponse(properties=_struct({**later, **inputs}))
        with _told(context):
            thing = self.cloud.create(_type(request.urn), label(request.urn), inputs)
        return provider_pb2.CreateResponse(id=thing.id, properties=_struct(thing.outputs))

    def Update(self, request: Any, context: Any) -> Any:
        inputs = _values(request.news)
        if request.preview:
            olds = _values(request.olds)
            return provider_pb2.UpdateResponse(properties=_struct({**olds, **inputs}))
        with _told(context):
            thing = self.cloud.update(request.id, inputs)
        return provider_pb2.UpdateResponse(properties=_struct(thing.outputs))

    def Delete(self, request: Any, context: Any) -> Any:
        with _told(context):
            self.cloud.delete(request.id, _type(request.urn), _values(request.properties))
        return empty_pb2.Empty()

    def Read(self, request: Any, context: Any) -> Any:
        thing = self.cloud.account.things.get(request.id)
        if thing is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=thing.id, properties=_struct(thing.outputs), inputs=_struct(thing.inputs)
        )

    def Invoke(self, request: Any, context: Any) -> Any:
        arguments = _values(request.args)
        with _told(context):
            answer = self.cloud.look_up(request.tok, arguments)
        return provider_pb2.InvokeResponse(**{"return": _struct({**arguments, **answer})})


class _told:
    """A refusal of the cloud becomes an error of the call."""

    def __init__(self, context: Any) -> None:
        self.context = context

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, Refused):
            self.context.abort(grpc.StatusCode.UNKNOWN, str(error))


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def label(urn: str) -> str:
    """How the tests call a resource: its kind and its name (``Vpc aws-stage1-vpc``)."""
    return " ".join(describe(urn))


def _values(struct: struct_pb2.Struct) -> Values:
    values: Values = json_format.MessageToDict(struct)
    return {key: value for key, value in values.items() if key != "__internal"}


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(values, struct_pb2.Struct())


def _differ(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """Paths at which two values differ, as the engine writes them."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differ(old.get(key), new.get(key), f"{where}.{key}" if where else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for at, pair in enumerate(zip(old, new, strict=True)):
            yield from _differ(*pair, f"{where}[{at}]")
    elif old != new:
        yield where
