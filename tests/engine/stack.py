"""A stack under the real engine, with the stand-ins attached: the project's own driver of the CLI.

The checkout is a temporary folder with this one's project file and stack files; state is a file
backend in it. The program is the project's own, with a release that is nowhere.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from pulumi.automation.events import EngineEvent, StepEventStateMetadata
from pulumi.runtime.proto import provider_pb2_grpc

from components import program, settings
from scripts.lib import checkout as own
from scripts.lib import pins
from scripts.lib.checkout import Checkout
from scripts.lib.engine import Engine, Resource
from scripts.lib.events import Run
from tests.engine.cloud import Account, Cloud
from tests.engine.dynamic import Dynamic
from tests.engine.hosts import Hosts
from tests.engine.provider import StandIn, label
from tests.support.planned import RELEASE, stack_values

ROOT = program.PROJECT
PACKAGES = ("aws", "digitalocean")


@dataclass
class Seen:
    """What one run of the engine told."""

    run: Run = field(default_factory=Run)
    steps: list[tuple[str, str, str]] = field(default_factory=list)
    """``begin`` or ``end``, the operation, the resource's name, in order."""
    new: dict[str, StepEventStateMetadata] = field(default_factory=dict)
    """What each resource is to be, by URN."""

    def heard(self, event: EngineEvent) -> None:
        self.run.fold(event, 0)
        for when, step in (("begin", event.resource_pre_event), ("end", event.res_outputs_event)):
            if step is None:
                continue
            metadata = step.metadata
            operation = getattr(metadata.op, "value", str(metadata.op))
            self.steps.append((when, operation, label(metadata.urn)))
            if when == "begin" and metadata.new is not None:
                self.new[metadata.urn] = metadata.new

    def changes(self) -> set[tuple[str, str]]:
        """Operation and name of every change; a replacement is one and not its parts."""
        parts = {"same", "create-replacement", "delete-replaced", "discard-replaced"}
        return {(op, label(urn)) for urn, op in self.run.steps if op not in parts}

    def at(self, when: str, operation: str, name: str) -> int:
        """The place of an event; a test fails where there is none."""
        return self.steps.index((when, operation, name))


class Attached:
    """The stand-ins, served in this process on ports of their own."""

    def __init__(self) -> None:
        self.cloud = Cloud()
        self.hosts = Hosts(self.cloud)
        self.cancelled = 0
        self._servers: list[Any] = []
        self.ports = {
            name: self._serve(StandIn(name, self.cloud, self._cancel)) for name in PACKAGES
        }
        self.ports["pulumi-python"] = self._serve(Dynamic(self.cloud))

    def _cancel(self) -> None:
        """The engine has been told to stop: what is held may go on."""
        self.cancelled += 1
        for event in self.cloud.held.values():
            event.set()

    def _serve(self, servicer: Any) -> int:
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        port = int(server.add_insecure_port("127.0.0.1:0"))
        server.start()
        self._servers.append(server)
        return port

    @property
    def variable(self) -> str:
        return ",".join(f"{name}:{port}" for name, port in self.ports.items())

    @contextmanager
    def serving(self) -> Iterator[Attached]:
        yield self
        for server in self._servers:
            server.stop(None).wait()


@dataclass
class Moment:
    """A stack as it stood: the engine's state, and the cloud's."""

    state: bytes
    account: Account


class EngineStack:
    """One stack: settings that a test changes, and runs of the engine."""

    def __init__(self, name: str, folder: Path, attached: Attached) -> None:
        self.name = name
        self.attached = attached
        self.cloud = attached.cloud
        self.more: dict[str, object] = {}
        (folder / "stacks").mkdir(parents=True)
        shutil.copy(ROOT / "Pulumi.yaml", folder)
        shutil.copy(ROOT / "stacks" / f"Pulumi.{name}.yaml", folder / "stacks")
        (folder / ".stages").mkdir()
        shutil.copy(ROOT / ".stages" / "cli", folder / ".stages")
        self.checkout = Checkout(folder)
        inherited = {key: value for key, value in os.environ.items() if "PULUMI" not in key}
        inherited["PULUMI_DEBUG_PROVIDERS"] = attached.variable
        self.environment = own.prepare(self.checkout, inherited)
        self.engine = self.new_engine()
        self.engine.ensure_stack()
        own.place_salt(self.checkout, name)

    def settings(self) -> settings.Settings:
        return settings.read(self.name, {**stack_values(self.name), **self.more})

    def wish(self, **more: object) -> None:
        """Other settings from now on; ``database__standby`` is the key ``database.standby``."""
        self.more |= {key.replace("__", "."): value for key, value in more.items()}

    def preview(self) -> Seen:
        return self._do("preview")

    def up(self, **options: Any) -> Seen:
        return self._do("up", **options)

    def destroy(self, **options: Any) -> Seen:
        return self._do("destroy", **options)

    def interrupt(self) -> None:
        """Ask the run that is under way to stop, as one Ctrl-C does."""
        self.engine.command.interrupt()

    def pulumi(self, *arguments: str) -> None:
        """Run the CLI as a user does; raises ``CommandError`` when it fails."""
        self.cloud.log.clear()
        argv = [*arguments, "--stack", self.name]
        self.new_engine().command.run(argv, str(self.checkout.root), {})

    def resources(self) -> list[Resource]:
        return self.new_engine().resources()

    def moment(self) -> Moment:
        return Moment(self.checkout.state_file(self.name).read_bytes(), self.cloud.snapshot())

    def back_to(self, moment: Moment) -> None:
        """Make engine and cloud as they were, with the settings of the stack's file."""
        self.checkout.state_file(self.name).write_bytes(moment.state)
        self.cloud.begin(moment.account)
        self.more = {}

    def new_engine(self) -> Engine:
        version = pins.pinned_version((ROOT / "requirements.txt").read_text(), "pulumi")
        declare = lambda: program.declare(self.settings(), RELEASE)  # noqa: E731
        return Engine(self.checkout, self.name, declare, self.environment, version)

    def _do(self, operation: str, **options: Any) -> Seen:
        self.seen = Seen()
        self.cloud.log.clear()
        self.engine = self.new_engine()
        getattr(self.engine, operation)(self.seen.heard, **options)
        return self.seen
