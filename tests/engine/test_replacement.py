"""A server is replaced: in which order, and that data and address stay.

Asserted twice: by what the engine says that it did, and by what the stand-ins were asked for.
"""

from __future__ import annotations

import pytest

from components import outputs
from scripts.lib import flows
from tests.engine.cloud import SERVERS
from tests.engine.conftest import Bring, Standing
from tests.engine.stack import EngineStack, Seen

STAGE_1 = [
    "shutdown old",
    "delete InService",
    "delete assignment",
    "delete HostConfiguration",
    "delete attachment",
    "delete server",
    "create server",
    "create attachment",
    "configure new",
    "create HostConfiguration",
    "create assignment",
    "serve new",
    "create InService",
]
"""One volume: the old server lets go of it, then the new one gets it."""
ENDS_WITH_ITS_DROPLET = {"delete assignment", "delete attachment"}
"""The engine reports these as deleted; DigitalOcean is asked for nothing (``retain_on_delete``)."""
STAGE_2 = [
    "create server",
    "configure new",
    "create HostConfiguration",
    "create assignment",
    "serve new",
    "create InService",
    "shutdown old",
    "delete InService",
    "delete HostConfiguration",
    "delete server",
]
"""The old server answers until the address has moved to one that passed the readiness check."""
ROLES = {
    "Instance": "server",
    "Droplet": "server",
    "VolumeAttachment": "attachment",
    "EipAssociation": "assignment",
    "ReservedIpAssignment": "assignment",
}
OWN = ("HostConfiguration", "InService")
KEPT = (":Volume", ":Eip", ":ReservedIp", "rds/instance:Instance", ":DatabaseCluster")
"""Types of what must be the very same thing afterwards."""


def done(stack: EngineStack, old: str) -> list[str]:
    """What the stand-ins did for the app server, in order, in the words above."""
    lines = []
    for what, name in stack.cloud.log:
        kind = name.split()[0]
        if what in {"configure", "serve", "shutdown"}:
            lines.append(f"{what} {'old' if name == old else 'new'}")
        elif kind in ROLES or kind in OWN:
            lines.append(f"{what} {ROLES.get(kind, kind)}")
    return lines


def reported(seen: Seen) -> list[str]:
    """The same from the engine's events, of what has ended."""
    words = {"create-replacement": "create", "delete-replaced": "delete"}
    lines = []
    for when, operation, name in seen.steps:
        kind = name.split()[0]
        if when == "end" and operation in words and kind in (*ROLES, *OWN):
            lines.append(f"{words[operation]} {ROLES.get(kind, kind)}")
    return lines


def server_of(stack: EngineStack) -> str:
    (server,) = stack.cloud.account.at_work
    return server


def kept(stack: EngineStack) -> set[str]:
    return {t.id for t in stack.cloud.account.things.values() if t.type.endswith(KEPT)}


def assert_replaced(stack: EngineStack, old: str, before: set[str], seen: Seen) -> None:
    wanted = STAGE_1 if stack.name.endswith("stage1") else STAGE_2
    if stack.name.endswith("stage2"):
        # A new assignment takes the address from the old one, which is deleted without effect.
        assert "delete assignment" in reported(seen)
    by_engine = [step for step in wanted if not step.startswith(("configure", "serve", "shutdown"))]
    assert [step for step in reported(seen) if step in by_engine] == by_engine
    assert done(stack, old) == [
        step
        for step in wanted
        if not (stack.name.startswith("digitalocean") and step in ENDS_WITH_ITS_DROPLET)
    ]
    servers = [t for t in stack.cloud.account.things.values() if t.type in SERVERS]
    assert [server.id for server in servers] == [server_of(stack)]
    assert old != servers[0].id
    assert kept(stack) == before
    assert str(seen.run.outputs[outputs.SERVER_ID]).endswith(servers[0].id)
    address = seen.run.outputs[outputs.ADDRESS]
    assert stack.cloud.address_of(servers[0]) == address
    assert stack.up().changes() == set()


def test_a_new_generation_replaces_the_server(standing: Standing) -> None:
    stack = standing.stack
    old, before = server_of(stack), kept(stack)
    stack.wish(server__generation=2)
    seen = stack.up()
    assert_replaced(stack, old, before, seen)
    assert seen.run.outputs[outputs.ADDRESS] == standing.first.run.outputs[outputs.ADDRESS]


RESIZED = [
    # Another architecture wants another image; DigitalOcean's own resize cuts the power.
    ("aws-stage1", {"server__plan": "t3.medium"}),
    ("aws-stage2", {"server__plan": "t3.medium"}),
    ("digitalocean-stage1", {"server__plan": "s-4vcpu-8gb"}),
    ("digitalocean-stage2", {"server__plan": "s-4vcpu-8gb"}),
]


@pytest.mark.parametrize(("name", "wish"), RESIZED, ids=[resized[0] for resized in RESIZED])
def test_a_plan_that_needs_another_server_replaces_it(
    bring: Bring, name: str, wish: dict[str, object]
) -> None:
    stack = bring(name).stack
    old, before = server_of(stack), kept(stack)
    stack.wish(**wish)
    assert_replaced(stack, old, before, stack.up())


@pytest.mark.parametrize("name", ["aws-stage1", "digitalocean-stage2"])
def test_make_replace_replaces_the_server(bring: Bring, name: str) -> None:
    """The server alone is named, by the output; the new one gets today's boot document."""
    standing = bring(name)
    stack = standing.stack
    old, before = server_of(stack), kept(stack)
    stack.wish(access__ssh_cidrs=["203.0.113.7/32", "198.18.0.0/24"])
    servers = flows.servers(stack.resources(), str(standing.first.run.outputs[outputs.SERVER_ID]))
    assert [urn.rpartition("::")[2] for urn in servers] == [f"{name}-app-server"]
    assert_replaced(stack, old, before, stack.up(replace=servers))
    (server,) = [t for t in stack.cloud.account.things.values() if t.type in SERVERS]
    assert "198.18.0.0/24" in server.inputs["userData"]


def test_what_the_old_server_keeps_is_handed_on_before_the_new_one_is_configured(
    bring: Bring,
) -> None:
    """With TLS a server has a certificate, which stage 2 keeps nowhere else; and its queue may have
    numbered jobs."""
    stack = bring("digitalocean-stage2").stack
    old = server_of(stack)
    stack.wish(domain="app.example.com")
    stack.up()
    assert not {"give", "take"} & {what for what, _ in stack.cloud.log}
    stack.wish(server__generation=2)
    stack.up()
    new = server_of(stack)
    order = [
        ("give", old),
        ("take", new),
        ("give counters", old),
        ("take counters", new),
        ("configure", new),
        ("give queue", old),
        ("take queue", new),
        ("forget queue", old),
        ("serve", new),
        ("shutdown", old),
    ]
    assert [step for step in stack.cloud.log if step[1] in {old, new}] == order


@pytest.mark.parametrize("name", ["aws-stage1", "digitalocean-stage1"])
def test_another_network_replaces_all_that_is_in_it(bring: Bring, name: str) -> None:
    """Nothing that the old server needs goes before its shutdown: not the way to it either."""
    stack = bring(name).stack
    old, before = server_of(stack), kept(stack)
    stack.wish(network__cidr="10.99.0.0/20")
    assert_replaced(stack, old, before, stack.up())
