"""The dynamic resources of the stages, attached like a cloud's: the SDK's own servicer, in here.

So the providers are the project's own, run by the SDK's own code, and a test can make one of their
creations fail as it does with a cloud's. The SDK's module serves as soon as it is imported; it is
taken without that last line.
"""

from __future__ import annotations

import importlib.util
import types
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2  # type: ignore[import-untyped]

from tests.engine.cloud import Cloud, Refused
from tests.engine.provider import label

SERVES = "\nmain()\n"


def _sdk() -> Any:
    spec = importlib.util.find_spec("pulumi.dynamic.__main__")
    assert spec and isinstance(spec.loader, importlib.machinery.SourceFileLoader)
    source = spec.loader.get_source(spec.name)
    assert source and source.endswith(SERVES), "the SDK's module has changed"
    module = types.ModuleType("dynamic_resources")
    exec(compile(source.removesuffix(SERVES), spec.origin or "", "exec"), module.__dict__)  # noqa: S102
    return module


_Servicer: Any = _sdk().DynamicResourceProviderServicer


class Dynamic(_Servicer):  # type: ignore[misc]
    """Writes down what is done, in the log that the cloud keeps."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__()
        self.cloud = cloud

    def Handshake(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "not needed")

    def CheckConfig(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "not needed")

    def DiffConfig(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "not needed")

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Create(self, request: Any, context: Any) -> Any:
        try:
            self.cloud.starting(label(request.urn))
        except Refused as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        made = super().Create(request, context)
        self._note("create", request)
        return made

    def Update(self, request: Any, context: Any) -> Any:
        made = super().Update(request, context)
        self._note("update", request)
        return made

    def Delete(self, request: Any, context: Any) -> Any:
        done = super().Delete(request, context)
        self._note("delete", request)
        return done

    def _note(self, what: str, request: Any) -> None:
        with self.cloud.lock:
            self.cloud.log.append((what, label(request.urn)))
