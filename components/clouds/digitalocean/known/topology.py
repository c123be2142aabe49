"""A plan on DigitalOcean as boxes and arrows."""

from __future__ import annotations

from collections.abc import Sequence

from components.seam.topology import ANY_PORT, Picture, Resource, Resources, node

POSTGRES = "25060"
"""Port of every managed PostgreSQL."""
HTTPS = "443"


def picture(resources: Sequence[Resource]) -> Picture:
    """Read what stands where, and what the cloud and database firewalls let through."""
    known = Resources(resources)
    drawn = Picture()
    for vpc in known.of(":Vpc"):
        lines = (vpc["inputs"]["ipRange"], vpc["inputs"]["region"])
        drawn.add(node(vpc, "network", lines))
    for droplet in known.of(":Droplet"):
        around = known.behind(droplet, "vpcUuid", ":Vpc")
        lines = (droplet["inputs"]["size"], droplet["inputs"]["image"])
        drawn.add(node(droplet, "server", lines, around))
    for volume in known.of(":Volume"):
        around = [
            urn
            for attachment in known.of(":VolumeAttachment")
            if volume["urn"] in known.behind(attachment, "volumeId", ":Volume")
            for urn in known.behind(attachment, "dropletId", ":Droplet")
        ]
        drawn.add(node(volume, "volume", (f"{volume['inputs']['size']} GiB",), around))
    for bucket in known.of(":SpacesBucket"):
        drawn.add(node(bucket, "bucket", ("Spaces, versioned", "encrypted, private")))
        for one in drawn.of_kind("server"):
            drawn.allow(one.id, bucket["urn"], HTTPS)
    _databases(known, drawn)
    _cloud_firewalls(known, drawn)
    _addresses(known, drawn)
    return drawn


def _databases(known: Resources, drawn: Picture) -> None:
    for cluster in known.of(":DatabaseCluster"):
        inputs = cluster["inputs"]
        nodes = "with a standby" if inputs["nodeCount"] > 1 else "one node"
        lines = (f"PostgreSQL {inputs['version']}", inputs["size"], nodes)
        around = known.behind(cluster, "privateNetworkUuid", ":Vpc")
        drawn.add(node(cluster, "database", lines, around))
    for replica in known.of(":DatabaseReplica"):
        around = known.behind(replica, "privateNetworkUuid", ":Vpc")
        drawn.add(node(replica, "database", ("read replica", replica["inputs"]["size"]), around))
    for database in drawn.of_kind("database"):
        firewalls = [
            firewall
            for firewall in known.of(":DatabaseFirewall")
            if firewall.get("deletedWith") == database.id
        ]
        if not firewalls:  # open to every source
            drawn.allow(drawn.outside(["0.0.0.0/0"]), database.id, POSTGRES)
        for firewall in firewalls:
            for rule in firewall["inputs"]["rules"]:
                for source in _admitted(known, drawn, firewall, rule):
                    drawn.allow(source, database.id, POSTGRES)


def _admitted(known: Resources, drawn: Picture, firewall: Resource, rule: Resource) -> list[str]:
    if rule["type"] == "tag":
        return _tagged(known, known.behind(firewall, "rules", ":Tag"))
    return [drawn.outside([rule["value"]])]


def _tagged(known: Resources, tags: Sequence[str]) -> list[str]:
    """Droplets that carry one of the tags."""
    return [
        droplet["urn"]
        for droplet in known.of(":Droplet")
        if set(tags) & set(known.behind(droplet, "tags", ":Tag"))
    ]


def _cloud_firewalls(known: Resources, drawn: Picture) -> None:
    for firewall in known.of(":Firewall"):
        droplets = _tagged(known, known.behind(firewall, "tags", ":Tag"))
        for droplet in droplets:
            for rule in firewall["inputs"].get("inboundRules", ()):
                source = drawn.outside(rule["sourceAddresses"])
                drawn.allow(source, droplet, _port(rule))
            for rule in firewall["inputs"].get("outboundRules", ()):
                target = drawn.outside(rule["destinationAddresses"])
                drawn.allow(droplet, target, _port(rule))


def _addresses(known: Resources, drawn: Picture) -> None:
    for address in known.of(":ReservedIp"):
        drawn.add(node(address, "address", ("reserved IP",)))
        for assignment in known.of(":ReservedIpAssignment"):
            if address["urn"] in known.behind(assignment, "ipAddress", ":ReservedIp"):
                for droplet in known.behind(assignment, "dropletId", ":Droplet"):
                    drawn.through(address["urn"], droplet)


def _port(rule: Resource) -> str:
    port = rule.get("portRange", "all")
    return ANY_PORT if port == "all" else str(port)
