"""The offline plan: which resources a stack would have, before anything exists.

It runs the program itself in this process, against a recorder in the engine's place: no CLI, no
credentials, no network; a tenth of a second for each stack. It cannot know what a cloud's provider
adds: default values, generated names, and whether the cloud agrees.

``Plan.document()`` is JSON with a stable order::

    version       1
    project       name of the Pulumi project
    stack         name of the stack
    resources     a list; what a resource needs (parent, provider, dependencies) comes before it,
                  otherwise sorted by URN. Of each resource, with names and meaning as in the
                  ``newState`` of ``pulumi preview --json``, and only where they say something:
      urn, type, name, custom, inputs
      parent, provider, dependencies, propertyDependencies (input -> URNs), deletedWith
      protect, retainOnDelete, deleteBeforeReplace, ignoreChanges, replaceOnChanges,
      replacementTrigger, additionalSecretOutputs, customTimeouts, aliases
    lookups       functions of providers that the program asks: token and arguments
    outputs       the stack's outputs

Secret values are ``[secret]``; what is known only once something exists is ``[unknown]``.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pulumi.runtime import rpc
from pulumi.runtime import settings as runtime_settings
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import run_in_stack

from components import program, release
from components import settings as stage_settings
from components.seam.planned import UNKNOWN, PlannedResource
from components.settings import Settings, stacks
from planning import presets, values
from planning.costs import plan_file
from planning.recorder import Answers, Invokes, Recorder

VERSION = 1


@dataclass(frozen=True)
class Plan:
    """The resources of one stack, as they would be made."""

    project: str
    stack: str
    resources: tuple[Mapping[str, Any], ...]
    lookups: tuple[Mapping[str, Any], ...]
    outputs: Mapping[str, Any]
    app: tuple[str, ...] = ()
    """What was detected in the app's repository, and why: lines for a person."""

    def document(self) -> dict[str, Any]:
        """The plan as a JSON document: see the top of this file."""
        return {
            "version": VERSION,
            "project": self.project,
            "stack": self.stack,
            "resources": list(self.resources),
            "lookups": list(self.lookups),
            "outputs": dict(self.outputs),
        }

    def planned(self) -> tuple[PlannedResource, ...]:
        """The resources as prices, policies and pictures read them."""
        return plan_file.resources(self.document(), self.stack)

    def json(self) -> str:
        """The document as text that ends with a newline."""
        return json.dumps(self.document(), indent=2, ensure_ascii=False) + "\n"


def plan_stack(
    stack: str, root: Path = program.PROJECT, chosen: release.ResolvedRelease | None = None
) -> Plan:
    """Plan the stack with this name; raises ``UserError`` for wrong settings.

    The release is looked up with git, unless one is given.
    """
    folder = root / "stacks"
    file = folder / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        raise stacks.unknown(stack, stacks.names(folder))
    settings = stage_settings.read(stack, stacks.values(file, f"stacks/{file.name}"))
    resolved = chosen or release.resolve(settings.app, root)
    planned = plan_settings(settings, resolved, root)
    return replace(planned, app=presets.explained(settings.app, resolved))


def plan_settings(
    settings: Settings,
    chosen: release.ResolvedRelease,
    root: Path = program.PROJECT,
    *,
    answers: Answers | None = None,
    invokes: Invokes | None = None,
) -> Plan:
    """Plan a stack with these settings and this release."""
    project = str(yaml.safe_load((root / "Pulumi.yaml").read_text())["name"])
    recorder = Recorder(project, settings.stack, answers, invokes)
    contextvars.Context().run(_run, recorder, settings, chosen)
    if recorder.twice:
        raise ValueError(f"registered twice: {', '.join(recorder.twice)}")
    described = {urn: _describe(urn, request) for urn, request in recorder.registrations.items()}
    return Plan(
        project=project,
        stack=settings.stack,
        resources=tuple(described[urn] for urn in in_order(described)),
        lookups=tuple(
            {"token": token, "arguments": values.inputs(arguments)}
            for token, arguments in sorted(recorder.lookups, key=lambda call: call[0])
        ),
        outputs=values.inputs(recorder.outputs),
    )


def in_order(resources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """URNs so that each comes after what it needs; ties by URN."""
    needs = {
        urn: {need for need in _needs(resource) if need in resources}
        for urn, resource in resources.items()
    }
    order: list[str] = []
    done: set[str] = set()
    waiting = sorted(needs)
    while waiting:
        ready = [urn for urn in waiting if needs[urn] <= done]
        if not ready:
            raise ValueError(f"resources need each other: {', '.join(waiting)}")
        order += ready
        done.update(ready)
        waiting = [urn for urn in waiting if urn not in done]
    return order


def _needs(resource: Mapping[str, Any]) -> Iterable[str]:
    yield from resource.get("dependencies", ())
    for urns in resource.get("propertyDependencies", {}).values():
        yield from urns
    yield resource.get("parent", "")
    yield resource.get("deletedWith", "")
    yield resource.get("provider", "").rpartition("::")[0]


def _run(recorder: Recorder, settings: Settings, chosen: release.ResolvedRelease) -> None:
    """Run the program as the SDK runs it for the engine, in a context of its own."""
    runtime_settings.reset_options(
        project=recorder.project,
        stack=settings.stack,
        preview=recorder.answers is None,
        organization="organization",
    )
    runtime_settings.SETTINGS.monitor = recorder
    set_all_config({})
    loop = asyncio.new_event_loop()
    # The first error is raised below; asyncio would print the same one for each that waits for it.
    loop.set_exception_handler(lambda *_: None)
    loop.set_default_executor(_Inline(max_workers=1))
    try:
        loop.run_until_complete(run_in_stack(lambda: program.declare(settings, chosen)))
    finally:
        loop.run_until_complete(_cancel(asyncio.all_tasks(loop)))
        loop.close()


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    """End what a program that failed leaves waiting."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Inline(ThreadPoolExecutor):
    """Runs what it is given at once: the recorder never waits, and the order is the program's."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def _describe(urn: str, request: resource_pb2.RegisterResourceRequest) -> dict[str, Any]:
    description: dict[str, Any] = {
        "urn": urn,
        "type": request.type,
        "name": request.name,
        "custom": request.custom,
        "parent": request.parent,
        "provider": request.provider.replace(rpc.UNKNOWN, UNKNOWN),
        "inputs": values.inputs(request.object),
        "dependencies": sorted(request.dependencies),
        "propertyDependencies": {
            key: sorted(value.urns)
            for key, value in sorted(request.propertyDependencies.items())
            if value.urns
        },
        "deletedWith": request.deletedWith,
        "protect": request.protect,
        "retainOnDelete": request.retainOnDelete,
        "deleteBeforeReplace": request.deleteBeforeReplace,
        "ignoreChanges": sorted(request.ignoreChanges),
        "replaceOnChanges": sorted(request.replaceOnChanges),
        "replacementTrigger": values.plain(request.replacement_trigger),
        "additionalSecretOutputs": sorted(request.additionalSecretOutputs),
        "customTimeouts": {
            field.name: value for field, value in request.customTimeouts.ListFields() if value
        },
        "aliases": [str(alias) for alias in request.aliases],
    }
    always = {"custom", "inputs"}
    return {key: value for key, value in description.items() if value or key in always}
