"""Fixture plans for estimates: of what PRICES names, and no stack of this checkout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from planning.costs import plan_file
from planning.costs.plan_file import CostPlan

Planned = dict[str, Any]
INSTANCE = "aws:ec2/instance:Instance"
DATABASE = "aws:rds/instance:Instance"
DROPLET = "digitalocean:index/droplet:Droplet"
CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster"


def resource(
    type_: str,
    name: str,
    inputs: Mapping[str, Any],
    *,
    stack: str = "fixture",
    sources: Mapping[str, list[str]] | None = None,
    custom: bool = True,
) -> Planned:
    """One resource as both kinds of plans have it."""
    made: Planned = {
        "urn": urn(type_, name, stack),
        "type": type_,
        "custom": custom,
        "inputs": dict(inputs),
    }
    if sources:
        made["propertyDependencies"] = dict(sources)
    return made


def urn(type_: str, name: str, stack: str = "fixture") -> str:
    """The URN of a resource without parents."""
    return f"urn:pulumi:{stack}::stages::{type_}::{name}"


def document(*resources: Planned, stack: str = "fixture") -> dict[str, Any]:
    """An offline plan."""
    named = [{**resource, "name": resource["urn"].rpartition("::")[2]} for resource in resources]
    return {"version": 1, "project": "stages", "stack": stack, "resources": named}


def preview(*resources: Planned) -> dict[str, Any]:
    """What ``pulumi preview --json --show-sames`` prints of a stack that does not exist yet."""
    return {
        "config": {},
        "steps": [
            {"op": "create", "urn": resource["urn"], "newState": dict(resource)}
            for resource in resources
        ],
        "duration": 1,
        "changeSummary": {"create": len(resources)},
    }


def plan(*resources: Planned, stack: str = "fixture") -> CostPlan:
    """The plan of some resources."""
    return plan_file.parse(json.dumps(document(*resources, stack=stack)), "fixture")


def ec2(size: str = "t4g.medium", region: str = "us-east-1", disk_gib: int = 30) -> list[Planned]:
    """A server with its disk and its one IPv4 address."""
    return [
        resource(
            INSTANCE,
            "server",
            {
                "region": region,
                "instanceType": size,
                "associatePublicIpAddress": True,
                "rootBlockDevice": {"volumeType": "gp3", "volumeSize": disk_gib},
            },
        )
    ]


def rds(
    size: str = "db.t4g.medium",
    region: str = "us-east-1",
    *,
    standby: bool = False,
    disk_gib: int = 20,
    name: str = "database",
    **more: object,
) -> Planned:
    """A database of AWS."""
    given = {
        "region": region,
        "engine": "postgres",
        "instanceClass": size,
        "allocatedStorage": disk_gib,
        "storageType": "gp3",
        "multiAz": standby,
        **more,
    }
    return resource(DATABASE, name, given)


def droplet(size: str = "s-2vcpu-4gb", region: str = "fra1", **more: object) -> Planned:
    """A server of DigitalOcean."""
    return resource(DROPLET, "server", {"region": region, "size": size, **more})


def cluster(
    size: str = "db-s-2vcpu-4gb",
    region: str = "fra1",
    *,
    nodes: int = 1,
    disk_gib: int | None = None,
) -> Planned:
    """A database of DigitalOcean."""
    disk = {} if disk_gib is None else {"storageSizeMib": str(disk_gib * 1024)}
    given = {"region": region, "engine": "pg", "size": size, "nodeCount": nodes, **disk}
    return resource(CLUSTER, "database", given)
