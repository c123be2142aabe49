"""What is known of DigitalOcean's types (``components/seam/kinds.py``).

The inputs that replace are those that ``digitalocean/terraform-provider-digitalocean`` marks with
ForceNew (its source, read in November 2026); Pulumi's provider is built from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from components.seam.kinds import Kind

KINDS: Final[Mapping[str, Kind]] = {
    f"digitalocean:index/{name[0].lower()}{name[1:]}:{name}": kind
    for name, kind in {
        "DatabaseCluster": Kind(
            replaces=("name", "engine", "privateNetworkUuid", "projectId"), holds="data"
        ),
        "DatabaseFirewall": Kind(replaces=("clusterId",)),
        "DatabaseReplica": Kind(
            replaces=("name", "clusterId", "region", "privateNetworkUuid", "tags")
        ),
        "Droplet": Kind(
            replaces=(
                *("image", "region", "publicNetworking", "sshKeys", "userData", "monitoring"),
                *("dropletAgent", "vpcUuid", "ipv6"),  # ipv6: only when it is taken away
            )
        ),
        "ReservedIp": Kind(replaces=("region",), holds="address"),
        "ReservedIpAssignment": Kind(replaces=("ipAddress", "dropletId")),
        "SpacesBucket": Kind(replaces=("region", "name"), holds="data"),
        "SpacesKey": Kind(),
        "Tag": Kind(replaces=("name",)),
        "Volume": Kind(
            replaces=(
                *("region", "name", "description", "snapshotId"),
                *("initialFilesystemType", "initialFilesystemLabel"),
            ),
            holds="data",
        ),
        "VolumeAttachment": Kind(replaces=("dropletId", "volumeId")),
        "Vpc": Kind(replaces=("region", "ipRange")),
    }.items()
}
