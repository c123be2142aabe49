"""Lines from a dynamic provider's process to the engine that started it.

The SDK's own ``pulumi.log`` is not connected there. The engine's address is the process's last
argument, as it is for every provider.
"""

from __future__ import annotations

import logging
import re
import sys
from functools import cache

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from components.visible import visible

ADDRESS = re.compile(r"^127\.0\.0\.1:\d+$")
TIMEOUT_S = 2
OUTPUT = " | "
"""Between a host and a line that a command there has printed."""


def status(message: str) -> None:
    """Show what is going on right now; it is replaced by the next one and kept nowhere."""
    _log(message, engine_pb2.INFO, ephemeral=True)


def output(host: str, lines: str) -> None:
    """Show what a command on a host prints, each line as ``host | line``."""
    status("\n".join(f"{host}{OUTPUT}{line}" for line in lines.split("\n")))


def info(message: str) -> None:
    """Keep a line in the output of the run."""
    _log(message, engine_pb2.INFO, ephemeral=False)


def warn(message: str) -> None:
    """Keep a warning in the output of the run."""
    _log(message, engine_pb2.WARNING, ephemeral=False)


def without_tracebacks() -> None:
    """Keep gRPC from printing a traceback for an error that the engine shows already."""
    logger = logging.getLogger("grpc")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
        logger.propagate = False


@cache
def _engine() -> engine_pb2_grpc.EngineStub | None:
    address = sys.argv[-1] if sys.argv else ""
    if not ADDRESS.match(address):
        return None
    return engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))


def _log(message: str, severity: engine_pb2.LogSeverity.ValueType, *, ephemeral: bool) -> None:
    engine = _engine()
    if engine is None:
        return
    request = engine_pb2.LogRequest(
        message=visible(message), severity=severity, ephemeral=ephemeral
    )
    try:
        engine.Log(request, timeout=TIMEOUT_S)
    except grpc.RpcError:
        return  # A line that is not shown must not end a run.
