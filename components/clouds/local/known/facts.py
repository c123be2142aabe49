"""What the policies may ask of this machine's hosts: see ``components/seam/facts.py``.

Disks, backups, labels and the way to the database are the machine's own affair (README.md). The
static address is the same again after a `down`, so nothing is lost with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from components.seam.facts import Database, Fact, Kept, Server, origins, protected, text, who
from components.seam.topology import Resources


def facts(known: Resources) -> Iterator[Fact]:
    """Everything that a rule may want to know of these resources."""
    for server in known.of("local:Server"):
        yield Server(
            **who(server),
            user_data=text(server["inputs"], "user_data"),
            user_data_from=origins(server, "user_data"),
            tokens_only=None,
            image="",
            image_kept=None,  # hosts stand on the image of their birth
        )
    followers = known.of("local:Follower")
    for volume in known.of("local:Volume"):
        if any(
            volume["urn"] in known.behind(one, "volume_id", "local:Volume") for one in followers
        ):
            continue  # a copy, made anew where it is missing
        yield Kept(**who(volume), what="data volume", protected=protected(volume))
    for database in [*known.of("local:Database"), *followers]:
        yield Database(
            **who(database),
            public=False,  # its own firewall lets the app servers' addresses in, whatever is asked
            encrypted=None,
            backup_days=None,
            deletion_protected=None,
        )
