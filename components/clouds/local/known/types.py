"""What is known of this cloud's types, one row a type (``components/seam/known.py``).

Their own providers say what replaces them. All run on the operator's machine: they cost nothing.
"""

from __future__ import annotations

from typing import Any, Final

from components.clouds.local.known import downtime, facts
from components.clouds.local.known.names import (
    ADDRESS,
    ATTACHMENT,
    BUCKET,
    DATABASE,
    FOLLOWER,
    NETWORK,
    PREFIX,
    SERVER,
    VOLUME,
)
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
from components.seam.known import Known, free


def _row(made_by: type[provider.LocalProvider], **more: Any) -> Known:
    more.setdefault("updates", made_by.updates)
    return Known(replaces=made_by.replaces, old_first=made_by.delete_first, cost=free, **more)


KNOWN: Final[dict[str, Known]] = {
    ADDRESS: _row(address.AddressProvider, holds="address"),
    ATTACHMENT: _row(volume.AttachmentProvider),
    BUCKET: _row(bucket.BucketProvider),
    DATABASE: _row(database.DatabaseProvider, downtime=downtime.database, facts=facts.database),
    FOLLOWER: _row(database.FollowerProvider, facts=facts.database),
    NETWORK: _row(network.NetworkProvider),
    SERVER: _row(server.ServerProvider, downtime=downtime.server, facts=facts.server),
    VOLUME: _row(
        volume.VolumeProvider,
        updates=("size_gib",),
        holds="data",
        downtime=downtime.volume,
        facts=facts.volume,
    ),
    f"{PREFIX}Authority": _row(keys.AuthorityProvider),
    f"{PREFIX}SshKey": _row(keys.SshKeyProvider),
    f"{PREFIX}*": Known(cost=free),
}
