"""The rules. Each judges facts (``components/seam/facts.py``) and knows no cloud.

Their ids are declared with the settings, in ``components/settings/policy.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeVar

from components.errors import UserError
from components.seam.facts import (
    Database,
    Disk,
    Fact,
    Kept,
    Labelled,
    Opening,
    Server,
    is_world,
)
from components.seam.planned import SECRET
from components.settings.policy import RuleId

Kind = TypeVar("Kind", bound=Fact)
Level = Literal["mandatory", "advisory", "disabled"]

BACKUP_DAYS: Final = 7
LABELS: Final = ("project", "stack", "stage")
WEB_PORTS: Final = frozenset({80, 443})
SECRET_MAKERS: Final = ("stages:GeneratedSecrets", ":RandomPassword")
"""Ends of the types whose outputs are secrets of a stack."""
LOOKS_SECRET: Final = re.compile(
    r"AKIA[0-9A-Z]{16}"  # an access key of AWS
    r"|dop_v1_[0-9a-f]{64}"  # a token of DigitalOcean
    r"|[a-z]+://[^\s:/@]+:[^\s@]+@"  # a URL with a password
    r"|-----BEGIN (RSA |DSA )?PRIVATE KEY"  # no host key for the first contact: those are ECDSA
)


@dataclass(frozen=True)
class Violation:
    """What is wrong, and where; without a URN it is the stack as a whole."""

    urn: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a rule sees of a stack."""

    stack: str
    facts: Sequence[Fact]
    usd_per_month: Callable[[], Decimal]
    """What it costs; asked by one rule only. Raises ``UserError`` where that would be a guess."""
    budget_usd_per_month: Decimal


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule."""

    id: RuleId
    level: Level
    """Unless the settings say otherwise."""
    what: str
    why: str
    remedy: str
    check: Callable[[Seen], Iterator[Violation]]
    of_stack: bool = False
    """Whether one resource alone does not tell: the engine asks such rules at the end."""


def _database_private(seen: Seen) -> Iterator[Violation]:
    for database in _of(seen, Database):
        if database.public:
            yield Violation(database.urn, f"{database.name} is within reach of the internet")


def _encrypted(seen: Seen) -> Iterator[Violation]:
    disks: list[Database | Disk] = [*_of(seen, Disk), *_of(seen, Database)]
    for disk in disks:
        if disk.encrypted is False:
            yield Violation(disk.urn, f"{disk.name} is not encrypted at rest")


def _backups(seen: Seen) -> Iterator[Violation]:
    for database in _of(seen, Database):
        if database.backup_days is not None and database.backup_days < BACKUP_DAYS:
            yield Violation(
                database.urn,
                f"{database.name} keeps backups for {database.backup_days} days,"
                f" fewer than {BACKUP_DAYS}",
            )


def _protected(seen: Seen) -> Iterator[Violation]:
    for kept in _of(seen, Kept):
        if not kept.protected:
            yield Violation(kept.urn, f"{kept.name} ({kept.what}) is not protected from deletion")


def _deletion_protection(seen: Seen) -> Iterator[Violation]:
    for database in _of(seen, Database):
        if database.deletion_protected is False:
            yield Violation(
                database.urn, f"{database.name} can be deleted past Pulumi by a single request"
            )


def _metadata(seen: Seen) -> Iterator[Violation]:
    for server in _of(seen, Server):
        if server.tokens_only is False:
            yield Violation(server.urn, f"{server.name} answers metadata requests without a token")


def _admin_ports(seen: Seen) -> Iterator[Violation]:
    for opening in _of(seen, Opening):
        world = [cidr for cidr in opening.cidrs if is_world(cidr)]
        if world and not set(range(opening.first_port, opening.last_port + 1)) <= WEB_PORTS:
            ports = f"port {opening.first_port}"
            if opening.last_port != opening.first_port:
                ports = f"ports {opening.first_port} to {opening.last_port}"
            yield Violation(opening.urn, f"{opening.name} opens {ports} to {', '.join(world)}")


def _user_data(seen: Seen) -> Iterator[Violation]:
    for server in _of(seen, Server):
        made = [urn for urn in server.user_data_from if urn.split("::")[-2].endswith(SECRET_MAKERS)]
        if server.user_data == SECRET:
            yield Violation(server.urn, f"{server.name} has a secret in its user data")
        elif made:
            names = ", ".join(urn.rpartition("::")[2] for urn in made)
            yield Violation(server.urn, f"{server.name} has something of {names} in its user data")
        elif LOOKS_SECRET.search(server.user_data):
            yield Violation(
                server.urn, f"{server.name} has what looks like a secret in its user data"
            )


def _labels(seen: Seen) -> Iterator[Violation]:
    for resource in _of(seen, Labelled):
        lacking = [label for label in LABELS if not resource.labels.get(label)]
        if lacking:
            yield Violation(resource.urn, f"{resource.name} lacks the labels {', '.join(lacking)}")


def _budget(seen: Seen) -> Iterator[Violation]:
    try:
        cost = seen.usd_per_month()
    except UserError as error:
        yield Violation("", f"{seen.stack} cannot be priced: {error.problem}")
        return
    if cost > seen.budget_usd_per_month:
        yield Violation(
            "",
            f"{seen.stack} costs ${cost:,.2f} a month, above its budget of"
            f" ${seen.budget_usd_per_month:,.2f}",
        )


def _image(seen: Seen) -> Iterator[Violation]:
    for server in _of(seen, Server):
        if server.image_kept is False:
            yield Violation(
                server.urn, f"{server.name} is replaced by whatever {server.image} is next time"
            )


def _of(seen: Seen, kind: type[Kind]) -> Iterator[Kind]:
    return (fact for fact in seen.facts if isinstance(fact, kind))


RULES: Final = (
    Rule(
        id="database-private",
        level="mandatory",
        what="No managed database is within reach of the internet.",
        why="A database that the world can reach falls to the first guessed or leaked password.",
        remedy="Keep it in the private network, and let in only the app server's group or tag.",
        check=_database_private,
        of_stack=True,
    ),
    Rule(
        id="admin-ports",
        level="mandatory",
        what="Only 80 and 443 are open to the world; SSH, PostgreSQL and all others never.",
        why="Ports for administrators are tried all day, by everyone.",
        remedy="Name the networks that you log in from in stages:access.ssh_cidrs.",
        check=_admin_ports,
    ),
    Rule(
        id="encryption",
        level="mandatory",
        what="Disks and databases are encrypted at rest.",
        why="A copy of a disk or of a snapshot is the data, and it can seldom be encrypted later"
        " without a replacement.",
        remedy="Turn the encryption on before there is data; afterwards it is a replacement.",
        check=_encrypted,
    ),
    Rule(
        id="backups",
        level="mandatory",
        what=f"A managed database keeps backups for {BACKUP_DAYS} days or more.",
        why="A mistake is often found after a weekend.",
        remedy=f"Have it keep them for {BACKUP_DAYS} days or more.",
        check=_backups,
    ),
    Rule(
        id="protected-data",
        level="mandatory",
        what="What holds data, and the address that others know, is protected in Pulumi.",
        why="One `destroy`, or one change that replaces it, would be the end of it.",
        remedy="Set stages:data.protected to true.",
        check=_protected,
    ),
    Rule(
        id="deletion-protection",
        level="mandatory",
        what="The vendor itself refuses to delete a database, where it offers that.",
        why="Pulumi's protection does not bind the console, other tools and other people.",
        remedy="Set stages:data.protected to true.",
        check=_deletion_protection,
    ),
    Rule(
        id="metadata-tokens",
        level="mandatory",
        what="A server's metadata address answers with a token only, one hop away (IMDSv2).",
        why="An app that can be made to fetch a URL would otherwise hand out the server's role.",
        remedy="Require tokens, with a hop limit of 1.",
        check=_metadata,
    ),
    Rule(
        id="user-data-secrets",
        level="mandatory",
        what="No secret is in a server's user data; the one-use host key is none.",
        why="User data is shown in the console, kept in the state and readable on the server.",
        remedy="Send it with the host configuration, over SSH, or have the server make it.",
        check=_user_data,
        of_stack=True,
    ),
    Rule(
        id="pinned-image",
        level="mandatory",
        what="A newer image does not replace a server that runs.",
        why="An image that is looked up changes by itself: any `up` could replace the server.",
        remedy="Ignore changes of the image, or name one in stages:server.image.",
        check=_image,
    ),
    Rule(
        id="labels",
        level="advisory",
        what=f"What can carry labels has {', '.join(LABELS)}.",
        why="Bills and searches are sorted by them, and leftovers found.",
        remedy="Give it the labels that its neighbours have.",
        check=_labels,
    ),
    Rule(
        id="budget",
        level="advisory",
        what="The stack costs no more a month than its budget.",
        why="A size that was only tried costs as much as one that is needed.",
        remedy="Choose smaller plans, or raise stages:policy.budget_usd_per_month.",
        check=_budget,
        of_stack=True,
    ),
)
"""In the order in which they are told."""
