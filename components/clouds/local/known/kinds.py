"""What is known of this cloud's types (``components/seam/kinds.py``): its own providers say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from components.clouds.local.resources import (
    address,
    bucket,
    database,
    keys,
    network,
    provider,
    server,
    volume,
)
from components.seam.kinds import Holds, Kind


def _kind(one: type[provider.LocalProvider], holds: Holds = "") -> Kind:
    return Kind(replaces=one.replaces, updates=one.updates, holds=holds, old_first=one.delete_first)


KINDS: Final[Mapping[str, Kind]] = {
    f"pulumi-python:dynamic/local:{name}": kind
    for name, kind in {
        "Address": _kind(address.AddressProvider, "address"),
        "Attachment": _kind(volume.AttachmentProvider),
        "Authority": _kind(keys.AuthorityProvider),
        "Bucket": _kind(bucket.BucketProvider),
        "Database": _kind(database.DatabaseProvider),
        "Follower": _kind(database.FollowerProvider),
        "Network": _kind(network.NetworkProvider),
        "Server": _kind(server.ServerProvider),
        "SshKey": _kind(keys.SshKeyProvider),
        "Volume": Kind(
            replaces=volume.VolumeProvider.replaces,
            updates=("size_gib",),
            holds="data",
            old_first=volume.VolumeProvider.delete_first,
        ),
    }.items()
}
