"""What the network of a cloud lets in while a promotion goes on, and no longer."""

from __future__ import annotations

import pytest

from components.cloud_names import cloud_names
from components.host.agent.promotion_tunnel import SUBSCRIBER_PORT
from components.seam.provider import load
from components.seam.topology import Picture
from planning import topology_svg
from tests.support.planned import planned

OTHER = "192.0.2.9"
CLOUDS = [name for name in cloud_names() if load(name).operations.join is None]
"""The others join their networks on this machine, which no plan shows."""


def picture(stack: str, **more: object) -> Picture:
    return topology_svg.picture_of(planned(stack, None, **more))


def ways_in(drawn: Picture) -> set[tuple[str, str]]:
    """Who reaches the app server, on which port: addresses one by one."""
    servers = {node.id for node in drawn.by_kind("server")}
    return {
        (source, port)
        for flow in drawn.flows
        if flow.target in servers
        for source in flow.source.split(", ")
        for port in flow.ports
    }


@pytest.mark.parametrize("cloud", CLOUDS)
def test_stage_1_lets_the_other_server_in_over_ssh(cloud: str) -> None:
    before = ways_in(picture(f"{cloud}-stage1"))
    during = ways_in(picture(f"{cloud}-stage1", access__tunnel_from=OTHER))
    assert during - before == {(f"{OTHER}/32", "22")}
    assert before <= during


@pytest.mark.parametrize("cloud", CLOUDS)
def test_an_address_that_may_log_in_already_is_let_in_once(cloud: str) -> None:
    known = {"access__ssh_cidrs": [f"{OTHER}/32"]}
    before = planned(f"{cloud}-stage1", None, **known)
    during = planned(f"{cloud}-stage1", None, **known, access__tunnel_from=OTHER)
    assert before.resources == during.resources


@pytest.mark.parametrize("cloud", CLOUDS)
def test_in_stage_2_the_database_reaches_one_port_of_its_app_server(cloud: str) -> None:
    before = ways_in(picture(f"{cloud}-stage2"))
    drawn = picture(f"{cloud}-stage2", database__subscribes=True)
    ((source, port),) = ways_in(drawn) - before
    (database,) = drawn.by_kind("database")
    (network,) = drawn.by_kind("network")
    assert source == database.id or source in network.lines  # itself, or its network
    assert port == str(SUBSCRIBER_PORT)
    outside = {node.id for node in drawn.by_kind("outside")} - set(network.lines)
    assert not [
        flow for flow in drawn.flows if flow.source == database.id and flow.target in outside
    ]
