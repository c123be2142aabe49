"""Whether a server runs and where it answers now, asked of EC2.

The host configuration asks, from the engine's dynamic provider: nothing here needs the AWS SDK of
Pulumi.
"""

from __future__ import annotations

import time
from typing import Any

from components.clouds.aws.account import api, identity
from components.seam.power import Route, State

GONE = {"shutting-down", "terminated"}
OFF = {"stopping", "stopped"}
NOT_FOUND = "InvalidInstanceID.NotFound"

ADDRESS_WAIT_S = 60
"""AWS gives a server a new address "within minutes" of the static one leaving; seen by nobody
here. Longer than that, the recorded one is tried, and the error names it."""
PAUSE_S = 3


def server_state(server_id: str) -> State:
    """``gone`` only when EC2 says so; without credentials or an answer it counts as running."""
    server = identity.parts(server_id)
    try:
        instance = _describe(api.client("ec2", server.region), server.instance_id)
        if instance is None:
            return "gone" if _is_ours(server) else "running"
    except api.Failed:
        return "running"
    if instance["State"]["Name"] in GONE:
        return "gone"
    return "off" if instance["State"]["Name"] in OFF else "running"


def route(server_id: str, ssh_host: str) -> Route:
    """The way to a server.

    With an endpoint ``ssh_host`` is the instance's id and the AWS CLI is the tunnel. Otherwise
    it is the address of the server's birth, which AWS takes back when the static one comes, and
    replaces by a third when that moves on (docs/facts/aws.md 13): the current one is asked for.
    """
    server = identity.parts(server_id)
    if ssh_host.startswith("i-"):
        return Route(host=ssh_host, proxy_command=tunnel(server.region, ssh_host))
    try:
        ec2 = api.client("ec2", server.region)
        deadline = time.monotonic() + ADDRESS_WAIT_S
        while instance := _describe(ec2, server.instance_id):
            if instance["State"]["Name"] != "running":
                break
            if address := instance.get("PublicIpAddress"):
                return Route(host=address)
            if time.monotonic() > deadline:
                break
            time.sleep(PAUSE_S)
    except api.Failed:
        return Route(host=ssh_host)
    return Route(host=ssh_host)


def tunnel(region: str, instance_id: str) -> str:
    """The AWS CLI's command that carries a session through the endpoint."""
    return (
        "aws ec2-instance-connect open-tunnel"
        f" --region {region} --instance-id {instance_id} --remote-port 22"
    )


def _describe(ec2: Any, instance_id: str) -> dict[str, Any] | None:
    """What EC2 knows of an instance; ``None`` when it knows none (some hours after its end)."""
    try:
        answer = api.call(ec2, "describe_instances", InstanceIds=[instance_id])
    except api.Failed as error:
        if error.code == NOT_FOUND:
            return None
        raise
    instances = [instance for group in answer["Reservations"] for instance in group["Instances"]]
    return instances[0] if instances else None


def _is_ours(server: identity.Server) -> bool:
    """Whether the credentials are those of the server's account: to others it does not exist."""
    who = api.call(api.client("sts", server.region), "get_caller_identity")
    return bool(who["Account"] == server.account)
