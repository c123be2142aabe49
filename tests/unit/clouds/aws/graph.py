"""What the program would tell the engine, with Pulumi's mocks in the engine's place.

The resource classes are the SDK's own; what comes back from "AWS" is made up here. It shows what
is asked for, never that AWS agrees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await

from components import settings, stages
from components.clouds.aws.cloud import AwsCloud
from components.release import ResolvedRelease

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHMakvSuKQ4Au7AMwwflNR7j9B33LGAPYoCi6MoWSr9k you@laptop"

LEAST: dict[str, object] = {
    "cloud": "aws",
    "app.repository": ".",
    "region": "eu-central-1",
    "access.ssh_keys": [KEY],
    "access.ssh_cidrs": ["203.0.113.7/32"],
}
LEAST_2: dict[str, object] = {**LEAST, "stage": "2", "database.storage_gib": "20"}

RELEASE = ResolvedRelease(
    repository="/nowhere",
    commit="0" * 40,
    procfile="web: run\nworker: work\nrelease: migrate\n",
    uncommitted=False,
)

ARN = "arn:aws:ec2:eu-central-1:123456789012:instance/i-0123456789abcdef0"


@dataclass(frozen=True)
class Node:
    """One resource as it was registered."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    secrets: frozenset[str]
    """Inputs that are marked as secret."""
    protect: bool
    ignored: tuple[str, ...]
    delete_before_replace: bool | None
    replacement_trigger: str
    depends_on: frozenset[str]
    """URNs that it waits for, for whatever reason."""
    from_inputs: Mapping[str, frozenset[str]]
    """URNs by the input that came from them."""
    urn: str
    provider: str
    timeouts: tuple[str, str, str]
    """How long creating, changing and deleting may take; empty: the provider's default."""


@dataclass
class Graph:
    """All resources of a program, in the order in which they were registered."""

    nodes: list[Node] = field(default_factory=list)
    calls: list[mocks.MockCallArgs] = field(default_factory=list)

    def of(self, type_: str) -> list[Node]:
        """Every resource of a type, ``ec2/instance:Instance`` for example."""
        return [node for node in self.nodes if node.type == f"aws:{type_}"]

    def only(self, type_: str, name: str = "") -> Node:
        """The one resource of a type whose name ends so."""
        (node,) = [node for node in self.of(type_) if node.name.endswith(name)]
        return node

    def waits_for(self, node: Node) -> set[str]:
        """URNs of everything that exists before a resource does."""
        known = {each.urn: each for each in self.nodes}
        urns: set[str] = set()
        todo = list(node.depends_on)
        while todo:
            urn = todo.pop()
            if urn not in urns:
                urns.add(urn)
                todo += known[urn].depends_on if urn in known else ()
        return urns


class Aws(mocks.Mocks):
    """Answers as AWS would, in shape."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        made = dict(args.inputs)
        kind = args.typ.rsplit(":", 1)[-1]
        if args.typ == "pulumi-python:dynamic/stages:GeneratedSecrets":
            made["values"] = {name: f"secret-of-{name}" for name in args.inputs["names"]}
        if args.typ == "pulumi-python:dynamic/stages:HostConfiguration":
            made |= {"revision": RELEASE.commit}
        made |= {
            "Volume": {"id": "vol-0123456789abcdef0"},
            "Instance": {
                "publicIp": "192.0.2.1",
                "privateIp": "10.81.0.10",
                "identifier": f"{args.name}-1234567",
                "address": f"{args.name}.rds.example",
            },
            "AccessKey": {"secret": f"secret-of-{args.name}"},
            "Bucket": {"bucket": f"{args.name}-89abcde"},
            "Eip": {"publicIp": "192.0.2.2"},
            "EipAssociation": {"publicIp": "192.0.2.2"},
            "InstanceProfile": {"name": f"{args.name}-89abcde"},
            "SubnetGroup": {"name": f"{args.name}-89abcde"},
            "ParameterGroup": {"name": f"{args.name}-89abcde"},
        }.get(kind, {})
        made["arn"] = f"arn:aws:x:eu-central-1:123456789012:{args.name}"
        if args.typ == "aws:ec2/instance:Instance":
            made["arn"] = ARN
        ids = {
            "aws:ebs/volume:Volume": "vol-0123456789abcdef0",
            "aws:ec2/instance:Instance": "i-0123456789abcdef0",
        }
        return ids.get(args.typ, f"{args.name}-id"), made

    def call(self, args: mocks.MockCallArgs) -> Any:
        self.graph.calls.append(args)
        return {"id": "ami-00000000000000013"}


class Recorder(mocks.MockMonitor):
    """Keeps every registration with its options, which mocks alone do not see."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(Aws(graph))
        self.graph = graph

    def RegisterResource(self, request: Any) -> Any:
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
        hidden = rpc.deserialize_properties(request.object)
        self.graph.nodes.append(
            Node(
                type=request.type,
                name=request.name,
                inputs={key: _open(value) for key, value in hidden.items()},
                secrets=frozenset(key for key, value in inputs.items() if _is_secret(value)),
                protect=request.protect,
                ignored=tuple(request.ignoreChanges),
                delete_before_replace=request.deleteBeforeReplace
                if request.deleteBeforeReplaceDefined
                else None,
                replacement_trigger=str(request.replacement_trigger.string_value),
                depends_on=frozenset(request.dependencies),
                from_inputs={
                    key: frozenset(value.urns)
                    for key, value in request.propertyDependencies.items()
                },
                urn=answer.urn,
                provider=request.provider,
                timeouts=(
                    request.customTimeouts.create,
                    request.customTimeouts.update,
                    request.customTimeouts.delete,
                ),
            )
        )
        return answer


def _is_secret(value: Any) -> bool:
    return rpc.is_rpc_secret(value)


def _open(value: Any) -> Any:
    return rpc.unwrap_rpc_secret(value) if rpc.is_rpc_secret(value) else value


def of(build: Callable[[], Any], stack: str = "aws-stage1", *, preview: bool = False) -> Graph:
    """Run a program and return what it registered."""
    graph = Graph()
    mocks.set_mocks(
        Aws(graph), project="stages", stack=stack, preview=preview, monitor=Recorder(graph)
    )

    def run() -> None:
        build()

    _sync_await(run_pulumi_func(run))
    return graph


def of_stage(stage: int, /, **values: object) -> Graph:
    """The whole stage, with the smallest settings and ``values`` (``group__key``) over them."""
    stack = f"aws-stage{stage}"
    least = LEAST_2 if stage == 2 else {**LEAST, "stage": "1"}
    given = {**least, **{key.replace("__", "."): value for key, value in values.items()}}
    chosen = settings.read(stack, given)
    return of(lambda: stages.build(chosen, AwsCloud(chosen), RELEASE), stack)


class Parent(pulumi.ComponentResource):
    """Something to be the parent of one method's resources."""

    def __init__(self, name: str) -> None:
        super().__init__("test:Parent", name)
