"""What the policies may ask of this machine's hosts: see ``components/seam/facts.py``.

Disks, backups, labels and the way to the database are the machine's own affair (README.md). The
static address is the same again after a `down`, so nothing is lost with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from components.clouds.local.known.names import DATABASE, FOLLOWER, SERVER, VOLUME
from components.seam.facts import Database, Fact, Kept, Server, text, who
from components.seam.planned import PlannedResources


def facts(known: PlannedResources) -> Iterator[Fact]:
    """Everything that a rule may want to know of these resources."""
    for server in known.by_type(SERVER):
        yield Server(
            **who(server),
            user_data=text(server.inputs, "user_data"),
            user_data_from=tuple(server.sources.get("user_data", ())),
            tokens_only=None,
            image="",
            image_kept=None,  # hosts stand on the image of their birth
        )
    followers = known.by_type(FOLLOWER)
    for volume in known.by_type(VOLUME):
        if any(volume.urn in known.behind(one, "volume_id", VOLUME) for one in followers):
            continue  # a copy, made anew where it is missing
        yield Kept(**who(volume), what="data volume", protected=volume.protect)
    for database in [*known.by_type(DATABASE), *followers]:
        yield Database(
            **who(database),
            public=False,  # its own firewall lets the app servers' addresses in, whatever is asked
            encrypted=None,
            backup_days=None,
            deletion_protected=None,
        )
