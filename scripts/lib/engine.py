"""The one module that runs the engine: the real Pulumi CLI, through the Automation API.

The program runs inside this process (no language host is needed); the CLI is a child in a session
of its own, so that Ctrl-C reaches it once, from here, and it can end what is under way and let go
of its lock.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import IO, Any

import pulumi
from pulumi import automation
from pulumi.automation._stack import StackInitMode
from pulumi.automation.errors import CommandError, create_command_error
from semver import VersionInfo

from components.errors import Interrupted, StepFailed, UserError
from scripts.lib.checkout import Checkout
from scripts.lib.events import describe

Program = Callable[[], None]

STOPPING = b"\nStopping: what is under way comes to its end first (again to stop at once).\n"


@dataclass(frozen=True)
class Resource:
    """One resource of the state."""

    state: Mapping[str, Any]

    @property
    def urn(self) -> str:
        return str(self.state["urn"])

    @property
    def id(self) -> str:
        return str(self.state.get("id", ""))

    def source_of(self, name: str) -> list[str]:
        """URNs of the resources that an input comes from."""
        return list((self.state.get("propertyDependencies") or {}).get(name) or [])

    def needs(self) -> list[str]:
        """URNs of all that must be there for as long as this is."""
        inputs = self.state.get("propertyDependencies") or {}
        listed = [self.state.get("dependencies") or [], *(urns or [] for urns in inputs.values())]
        return [str(self.state.get("parent") or ""), *(urn for urns in listed for urn in urns)]

    @property
    def title(self) -> str:
        kind, name = describe(self.urn)
        return f"{name} ({kind})"

    @property
    def is_real(self) -> bool:
        """Whether it is a thing of its own, and no component, stack or provider."""
        kind = str(self.state["type"])
        return bool(self.state.get("custom")) and not kind.startswith("pulumi:providers:")

    @property
    def is_left_over(self) -> bool:
        """Whether it was replaced and is still to be deleted."""
        return bool(self.state.get("delete"))

    @property
    def is_protected(self) -> bool:
        return bool(self.state.get("protect"))


class Command(automation.PulumiCommand):
    """The CLI that the bootstrap found, with an environment of our own making.

    The base class would ask for its version again (0.2 s) and pass our own environment on.
    """

    def __init__(self, executable: Path, version: str, environment: Mapping[str, str]) -> None:
        self.command = str(executable)
        self.version = VersionInfo.parse(version)
        self._environment = {**environment, "PULUMI_AUTOMATION_API": "true"}
        self._child: subprocess.Popen[str] | None = None
        self.interrupts = 0
        """How often the user asked to stop."""

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: automation.OnOutput | None = None,
        on_error: automation.OnOutput | None = None,
    ) -> automation.CommandResult:
        """Run one command to its end; raise ``CommandError`` when it fails."""
        argv = [self.command, "--non-interactive", *args]
        environment = {**self._environment, **additional_env}
        if not Path(self.command).exists():
            raise UserError(
                f"The Pulumi CLI: should be at {self.command}, got nothing there",
                "Run scripts/bootstrap.py.",
            )
        with subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environment,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as self._child:
            texts: list[list[str]] = [[], []]
            streams = (self._child.stdout, self._child.stderr)
            readers = [
                threading.Thread(target=_drain, args=(stream, text, heard))
                for stream, text, heard in zip(streams, texts, (on_output, on_error), strict=True)
            ]
            for reader in readers:
                reader.start()
            code = self._child.wait()
            for reader in readers:
                reader.join()
        self._child = None
        result = automation.CommandResult("\n".join(texts[0]), "\n".join(texts[1]), code)
        if code != 0:
            raise create_command_error(result)
        return result

    def given(self, args: list[str], text: str, cwd: str) -> subprocess.CompletedProcess[str]:
        """Run one command that reads this text, to its end."""
        return subprocess.run(
            [self.command, "--non-interactive", *args],
            input=text,
            capture_output=True,
            text=True,
            cwd=cwd,
            env=self._environment,
            check=False,
        )

    def interrupt(self) -> None:
        """Pass an interrupt on to the running command; from the second on until it has ended.

        The engine misses one that comes while it takes in another.
        """
        self.interrupts += 1
        if self._child is None:
            return
        self._child.send_signal(signal.SIGINT)
        if self.interrupts == 2:
            threading.Thread(target=_insist, args=(self._child,), daemon=True).start()


def _insist(child: subprocess.Popen[str]) -> None:
    """Interrupt again each second until it has ended."""
    while child.returncode is None:
        time.sleep(1)
        child.send_signal(signal.SIGINT)  # not to one that has ended


def _drain(stream: IO[str], lines: list[str], heard: automation.OnOutput | None) -> None:
    for line in stream:
        lines.append(line.rstrip())
        if heard:
            heard(line.rstrip())


class Workspace(automation.LocalWorkspace):
    """The checkout as the engine's working folder.

    Every command names its stack: there is nothing to select, and the user's selection stays.
    """

    def select_stack(self, stack_name: str) -> None:
        return None


class Stack(automation.Stack):
    """Operations without an answer: the base class asks the CLI three times more for it.

    What a run did comes as events. Each question takes a second or so.
    """

    def outputs(self) -> automation.OutputMap:
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:
        return automation.UpdateSummary("", datetime.now(UTC), "", {}, {}, "")


class Engine:
    """Runs operations on one stack and hands every event to ``heard``."""

    def __init__(
        self,
        checkout: Checkout,
        stack: str,
        program: Program,
        environment: Mapping[str, str],
        version: str,
    ) -> None:
        self.command = Command(checkout.cli / "pulumi", version, environment)
        self._checkout = checkout
        self._name = stack
        self.refused: list[UserError] = []
        """Errors that the program raised for the user, before the engine wrapped them."""
        self._workspace = Workspace(
            work_dir=str(checkout.root),
            program=self._guarded(program),
            pulumi_command=self.command,
        )

    def _stack(self) -> Stack:
        return Stack(self._name, self._workspace, StackInitMode.SELECT)

    def preview(self, heard: automation.OnEvent, **options: Any) -> None:
        self._do(self._stack().preview, heard, options)

    def up(self, heard: automation.OnEvent, **options: Any) -> None:
        self._do(self._stack().up, heard, options)

    def refresh(self, heard: automation.OnEvent, **options: Any) -> None:
        self._do(self._stack().refresh, heard, options)

    def destroy(self, heard: automation.OnEvent, **options: Any) -> None:
        self._do(self._stack().destroy, heard, options)

    def preview_destroy(self, heard: automation.OnEvent, **options: Any) -> None:
        self._do(self._stack().preview_destroy, heard, options)

    def outputs(self) -> automation.OutputMap:
        return self._workspace.stack_outputs(self._name)

    def cancel(self) -> None:
        self._stack().cancel()

    def unprotect(self, urns: Sequence[str]) -> None:
        """Let these resources of the state be deleted."""
        arguments = ["state", "unprotect", *urns, "--yes", "--stack", self._name]
        self.command.run(arguments, str(self._checkout.root), {})

    def protect(self, urn: str) -> None:
        """Keep one resource of the state from being deleted."""
        arguments = ["state", "protect", urn, "--yes", "--stack", self._name]
        self.command.run(arguments, str(self._checkout.root), {})

    def deployment(self, *, show_secrets: bool = False) -> Mapping[str, Any]:
        """Return the state: resources and pending operations, secrets encrypted unless asked."""
        # The Automation API's export_stack() would show the secrets.
        arguments = ["stack", "export", "--stack", self._name]
        arguments += ["--show-secrets"] if show_secrets else []
        exported = json.loads(self.command.run(arguments, str(self._checkout.root), {}).stdout)
        deployment: Mapping[str, Any] = exported["deployment"]
        return deployment

    def resources(self, *, show_secrets: bool = False) -> list[Resource]:
        """Return what is in the state, one that was replaced and is still there as well."""
        states = self.deployment(show_secrets=show_secrets).get("resources") or []
        return [Resource(state) for state in states]

    def configure(self, file: Path, path: str, value: str | None, kind: str) -> None:
        """Set one value in a settings file, or remove it (``None``); comments stay.

        ``kind`` is ``string``, ``int`` or ``secret``: encrypted for this stack. The value goes in
        on standard input.
        """
        options = ["--secret"] if kind == "secret" else ["--type", kind]
        verb = ["rm"] if value is None else ["set", *options, "--raw"]
        arguments = [*verb, "--path", path, "--config-file", str(file), "--stack", self._name]
        done = self.command.given(["config", *arguments], value or "", str(self._checkout.root))
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["it gave no reason"]
            raise StepFailed(f"{file.name}: the engine does not set {path}: {lines[-1]}")

    def ensure_stack(self) -> None:
        """Make the stack in the state if it is not there.

        Done in a folder of its own: made in the checkout, the engine would rewrite the settings
        file. The first stack of a checkout also becomes the one that plain ``pulumi`` uses.
        """
        if self._checkout.state_file(self._name).exists():
            return
        with tempfile.TemporaryDirectory(dir=self._checkout.own) as scratch:
            shutil.copy(self._checkout.root / "Pulumi.yaml", scratch)
            arguments = ["stack", "init", self._name, "--no-select"]
            self.command.run(arguments, scratch, {})
        self.command.run(["stack", "select", self._name], str(self._checkout.root), {})

    def _do(
        self, operation: Callable[..., Any], heard: automation.OnEvent, options: Mapping[str, Any]
    ) -> None:
        with _signals(self.command):
            try:
                operation(on_event=heard, color="never", suppress_outputs=True, **options)
            except CommandError:
                if self.command.interrupts:
                    raise _stopped(self.command.interrupts, self._name) from None
                raise
        if self.command.interrupts:
            raise _stopped(self.command.interrupts, self._name)

    def _guarded(self, program: Program) -> Program:
        def guarded() -> None:
            try:
                program()
            except UserError as error:
                self.refused.append(error)
                raise pulumi.RunError(str(error)) from None

        return guarded


@contextmanager
def _signals(command: Command) -> Iterator[None]:
    """While the engine runs, an interrupt asks it to stop and does not end us before it has."""

    def handle(number: int, frame: FrameType | None) -> None:
        again = command.interrupts > 0
        command.interrupt()
        message = b"Stopping at once.\n" if again else STOPPING
        os.write(2, message)  # nothing buffered may be touched in a signal handler

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    old = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _stopped(times: int, stack: str) -> Interrupted:
    return Interrupted(
        "Stopped. What was under way has ended and is recorded."
        if times <= 1
        else f"Stopped at once. `make up STACK={stack}` first looks at what is really there."
    )
