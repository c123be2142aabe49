"""A plan on this machine as boxes and arrows.

The rules are not in the plan but on the hosts: the app server's own firewall lets in the web and
SSH, the managed database's lets in the app servers' addresses, and its followers'. So what is drawn
is what these files say, and the tests on real hosts show it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from components.clouds.local.known.names import (
    ADDRESS,
    ATTACHMENT,
    BUCKET,
    DATABASE,
    FOLLOWER,
    NETWORK,
    SERVER,
    VOLUME,
)
from components.host import firewall
from components.seam.downtime import HOST
from components.seam.planned import PlannedResource, PlannedResources
from components.seam.topology import ANY_PORT, Node, Picture, node

POSTGRES = "5432"
HTTPS = "443"


def picture(resources: Sequence[PlannedResource]) -> Picture:
    """Read what stands where; the static address is the machine's own door to the server."""
    known = PlannedResources.index(resources)
    drawn = Picture()
    for network in known.by_type(NETWORK):
        drawn.add(node(network, "network", (network.inputs["cidr"], "a bridge on this machine")))
    for server in known.by_type(SERVER):
        around = known.behind(server, "network_id", NETWORK)
        drawn.add(node(server, "server", (_size(server), "Debian 13 host"), around))
    for database in _databases(known):
        around = known.behind(database, "network_id", NETWORK)
        lines = (f"PostgreSQL {database.inputs['version']}", _size(database))
        drawn.add(node(database, "database", lines, around))
    for follower in known.by_type(FOLLOWER):
        for first in known.behind(follower, "database_id", DATABASE):
            drawn.allow(follower.urn, first, POSTGRES)
    for bucket in known.by_type(BUCKET):
        around = known.behind(bucket, "network_id", NETWORK)
        drawn.add(node(bucket, "bucket", ("S3", "versioned"), around))
    _volumes(known, drawn)
    for host in drawn.by_kind("server"):
        for reached in drawn.by_kind("database"):
            drawn.allow(host.id, reached.id, POSTGRES)
        for bucket_node in drawn.by_kind("bucket"):
            drawn.allow(host.id, bucket_node.id, HTTPS)
        _doors(known, drawn, host)
    return drawn


def _databases(known: PlannedResources) -> list[PlannedResource]:
    return [*known.by_type(DATABASE), *known.by_type(FOLLOWER)]


def _doors(known: PlannedResources, drawn: Picture, server: Node) -> None:
    """What the server's own firewall lets in, read from the file that the host gets."""
    for host in known.by_type(HOST):
        if server.id in known.behind(host, "server_id", SERVER):
            rules = host.inputs["files"][firewall.PATH]["content"]
            for ports in re.findall(r"tcp dport \{ ([^}]*) \} accept", rules):
                drawn.allow_all(drawn.outside(["0.0.0.0/0"]), server.id, ports.split(", "))
            for cidrs in re.findall(r"elements = \{ ([^}]*) \}", rules):
                drawn.allow(drawn.outside(cidrs.split(", ")), server.id, "22")
    drawn.allow(server.id, drawn.outside(["0.0.0.0/0"]), ANY_PORT)
    for address in known.by_type(ADDRESS):
        drawn.add(node(address, "address", ("static address",)))
        drawn.through(address.urn, server.id)


def _volumes(known: PlannedResources, drawn: Picture) -> None:
    for volume in known.by_type(VOLUME):
        around = [
            urn
            for attachment in known.by_type(ATTACHMENT)
            if volume.urn in known.behind(attachment, "volume_id", VOLUME)
            for urn in known.behind(attachment, "server_id", SERVER)
        ]
        around += [
            user.urn
            for user in [*_databases(known), *known.by_type(BUCKET)]
            if volume.urn in known.behind(user, "volume_id", VOLUME)
        ]
        drawn.add(node(volume, "volume", (f"{volume.inputs['size_gib']} GiB",), around))


def _size(resource: PlannedResource) -> str:
    return f"{resource.inputs['plan']}, {resource.inputs['memory_mib']} MiB"
