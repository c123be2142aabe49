"""What the policies may ask of this machine's hosts: see ``components/seam/facts.py``.

Disks, backups, labels and the way to the database are the machine's own affair (README.md). The
static address is the same again after a `down`, so nothing is lost with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from components.clouds.local.known.names import FOLLOWER, VOLUME
from components.seam.facts import Database, Fact, Kept, Server, text, who
from components.seam.planned import PlannedResource, PlannedResources


def server(server: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """How it is made."""
    yield Server(
        **who(server),
        user_data=text(server.inputs, "user_data"),
        user_data_from=tuple(server.sources.get("user_data", ())),
        tokens_only=None,
        image="",
        image_kept=None,  # hosts stand on the image of their creation
    )


def volume(volume: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """A disk that holds data; a follower's is a copy, made again where it is missing."""
    followers = resources.by_type(FOLLOWER)
    if not any(
        volume.urn in resources.behind(follower, "volume_id", VOLUME) for follower in followers
    ):
        yield Kept(**who(volume), what="data volume", protected=volume.protect)


def database(database: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """A database, or a follower of one."""
    yield Database(
        **who(database),
        public=False,  # its own firewall lets the app servers' addresses in, whatever is asked
        encrypted=None,
        backup_days=None,
        deletion_protected=None,
    )
