"""What DigitalOcean cannot do with a stack's settings, told before anything is made.

Only what needs no account; ``preflight.py`` asks the account for the rest.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from components.clouds.digitalocean import plans
from components.errors import UserError, invalid
from components.settings import Settings
from components.settings.kinds import ENCRYPTED
from components.settings.problems import raise_all

DEFAULT_REGION = "fra1"
REGIONS = (
    "ams3",
    "atl1",
    "blr1",
    "fra1",
    "lon1",
    "nyc1",
    "nyc2",
    "nyc3",
    "ric1",
    "sfo2",
    "sfo3",
    "sgp1",
    "syd1",
    "tor1",
)
"""Those of the SDK 4.84 that take new customers, and Atlanta and Richmond, which it lacks. The
preflight asks the account."""

WITHOUT_SPACES = ("nyc1", "nyc2")
"""Regions without Spaces (from memory of its availability page)."""

STACK_NAME = re.compile(r"[a-z][a-z0-9-]*")
"""Volumes take small letters, digits and ``-``, the first a letter; all names start alike."""

TAKEN = tuple(
    ipaddress.IPv4Network(text)
    for text in ("10.244.0.0/16", "10.245.0.0/16", "10.246.0.0/24", "10.229.0.0/16")
)
"""Ranges that DigitalOcean keeps for itself (from memory of its VPC limits; each region may have
one more)."""

SLACK = "https://hooks.slack.com/services/"
BACKUP_DAYS = 7
"""Point-in-time recovery of a cluster; it cannot be changed."""


def check(settings: Settings) -> None:
    """Raise ``UserError`` with everything that does not fit."""
    raise_all(
        [
            *_names(settings),
            *_access(settings),
            *_network(settings),
            *_plans(settings),
            *_webhook(settings),
        ]
    )


def region(settings: Settings) -> str:
    """The region that everything is made in."""
    return settings.region or DEFAULT_REGION


def _names(settings: Settings) -> Iterator[UserError]:
    if not STACK_NAME.fullmatch(settings.stack):
        yield invalid(
            "stack name",
            "small letters, digits and -, the first a letter, on digitalocean",
            settings.stack,
            "For example digitalocean-stage1.",
        )
    if region(settings) not in REGIONS:
        yield invalid("stages:region", f"one of {', '.join(REGIONS)}", settings.region)
    if settings.storage.bucket and region(settings) in WITHOUT_SPACES:
        yield invalid(
            "stages:storage.bucket",
            f"false in {region(settings)}, which has no Spaces",
            True,
            "Choose another region, such as nyc3.",
        )
    if settings.backups.in_clouds_bucket and region(settings) in WITHOUT_SPACES:
        yield invalid(
            "stages:region",
            "one that has Spaces, for the backups",
            region(settings),
            "For example nyc3; or give the backups a bucket of your own, stages:backups.bucket.",
        )


def _access(settings: Settings) -> Iterator[UserError]:
    access = settings.access
    if not access.ssh_keys:
        yield UserError(
            "stages:access.ssh_keys: should be a list of public SSH keys, got nothing",
            "Give the one line of your .pub file.",
        )
    if access.ssh_cidrs == (settings.network.cidr,):
        yield UserError(
            "stages:access.ssh_cidrs: should be the networks that you log in from, got nothing",
            "For example [203.0.113.7/32].",
        )
    if access.instance_connect:
        yield invalid(
            "stages:access.instance_connect",
            "false on digitalocean, which has no such tunnel",
            True,
            "Remove the line, and name the networks that you log in from in"
            " stages:access.ssh_cidrs.",
        )


def _network(settings: Settings) -> Iterator[UserError]:
    cidr = ipaddress.IPv4Network(settings.network.cidr)
    for taken in TAKEN:
        if cidr.overlaps(taken):
            yield invalid(
                "stages:network.cidr",
                f"outside {taken}, which DigitalOcean keeps for itself",
                str(cidr),
                "For example 10.82.0.0/24.",
            )
    if settings.network.zones:
        yield invalid(
            "stages:network.zones",
            "empty on digitalocean, whose regions have no zones to choose",
            list(settings.network.zones),
            "Remove the line.",
        )
    if settings.network.flow_logs:
        yield invalid(
            "stages:network.flow_logs",
            "false on digitalocean, which has none",
            True,
            "Remove the line.",
        )


def _webhook(settings: Settings) -> Iterator[UserError]:
    webhook = settings.alarms.webhook
    if webhook and webhook != ENCRYPTED and not webhook.startswith(SLACK):
        yield UserError(
            f"stages:alarms.webhook: should be a webhook of Slack ({SLACK}...) on digitalocean,"
            " whose alerts speak its language alone, got another URL",
            "Make one at https://api.slack.com/apps, or let stages:alarms.email lead to where you"
            " want it.",
        )


def _plans(settings: Settings) -> Iterator[UserError]:
    try:
        plans.server(settings.server.plan or plans.DEFAULT_SERVER[settings.stage])
    except UserError as error:
        yield error
    if settings.stage != 2:
        return
    database = settings.database
    try:
        plan = plans.database(database.plan or plans.DEFAULT_DATABASE)
    except UserError as error:
        yield error
        return
    if database.standby and not plan.standby_offered:
        yield invalid(
            "stages:database.standby",
            f"false with {plan.name}, for which DigitalOcean offers no standby",
            True,
            "Choose db-s-1vcpu-2gb or larger.",
        )
    most_gib = plans.MOST_STORAGE_GIB.get(plan.name)
    if most_gib is not None and database.storage_gib > most_gib:
        enough = [n for n, most in plans.MOST_STORAGE_GIB.items() if most >= database.storage_gib]
        yield invalid(
            "stages:database.storage_gib",
            f"at most {most_gib}, which is what DigitalOcean sells with {plan.name}",
            database.storage_gib,
            f"{enough[0]} has room for it." if enough else "No size has room for it.",
        )
    if database.backup_days != BACKUP_DAYS:
        yield invalid(
            "stages:database.backup_days",
            f"{BACKUP_DAYS} on digitalocean, which keeps every backup that long",
            database.backup_days,
            "Remove the line.",
        )
    if database.storage_limit_gib is not None:
        yield invalid(
            "stages:database.storage_limit_gib",
            "unset on digitalocean, whose clusters grow without a limit or not at all",
            database.storage_limit_gib,
            "Remove the line, and raise stages:database.storage_gib when the disk alarm comes.",
        )
