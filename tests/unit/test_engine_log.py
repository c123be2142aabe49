"""Lines to the engine, received by a real server of its protocol."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures

import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

SAY = (
    "from components.remote import engine_log as e; e.status('now'); e.info('kept'); e.warn('mind')"
)


class Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.heard: list[tuple[str, int, bool]] = []

    def Log(self, request: engine_pb2.LogRequest, context: object) -> empty_pb2.Empty:
        self.heard.append((request.message, request.severity, request.ephemeral))
        return empty_pb2.Empty()


@pytest.fixture
def engine() -> Iterator[tuple[Engine, str]]:
    server = grpc.server(futures.ThreadPoolExecutor(1))
    servicer = Engine()
    engine_pb2_grpc.add_EngineServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, f"127.0.0.1:{port}"
    server.stop(None).wait()


def say(*argv: str) -> None:
    """As a provider does: the engine's address is the last argument of its process."""
    subprocess.run([sys.executable, "-c", SAY, *argv], check=True)


def test_lines_reach_the_engine_that_started_the_process(engine: tuple[Engine, str]) -> None:
    servicer, address = engine
    say(address)
    assert servicer.heard == [
        ("now", engine_pb2.INFO, True),
        ("kept", engine_pb2.INFO, False),
        ("mind", engine_pb2.WARNING, False),
    ]


@pytest.mark.parametrize("argv", [(), ("up",), ("127.0.0.1:1",)])
def test_nobody_there_is_no_error(argv: tuple[str, ...]) -> None:
    say(*argv)
