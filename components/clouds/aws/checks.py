"""What the settings must say for AWS: told before anything is made, without an account."""

from __future__ import annotations

import ipaddress
import re

from components.clouds.aws import plans
from components.clouds.aws.known import regions
from components.errors import UserError, invalid
from components.settings import Settings
from components.settings.problems import raise_all, unknown_names

CHATS = ("hooks.slack.com", "discord.com")
LEAST_STORAGE_GIB = 20
"""RDS's minimum for PostgreSQL on gp3."""


def check(settings: Settings) -> None:
    """Raise ``UserError`` with everything that AWS could not serve."""
    problems = [*_name(settings), *_way_in(settings), *_places(settings), *_plans(settings)]
    problems += _webhook(settings)
    if settings.stage == 2:
        problems += _storage(settings)
    raise_all(problems)


def _name(settings: Settings) -> list[UserError]:
    """RDS takes small letters, digits and single hyphens only; names begin with the stack's."""
    if re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", settings.stack):
        return []
    return [
        invalid(
            "stack name",
            "small letters, digits and single hyphens on AWS, the first a letter",
            settings.stack,
            "For example aws-stage2.",
        )
    ]


def _way_in(settings: Settings) -> list[UserError]:
    access = settings.access
    problems = []
    if not access.ssh_keys:
        problems.append(
            UserError(
                "stages:access.ssh_keys: should be at least one public SSH key, got nothing",
                "AWS makes no key for the stack: give the line of your own .pub file.",
            )
        )
    if access.ssh_cidrs == (settings.network.cidr,) and not access.instance_connect:
        problems.append(
            UserError(
                "stages:access.ssh_cidrs: should be the networks that you log in from, got nothing",
                "Name them, or set stages:access.instance_connect: true to come in through an"
                " EC2 Instance Connect Endpoint.",
            )
        )
    if access.instance_connect and settings.network.cidr not in access.ssh_cidrs:
        problems.append(
            UserError(
                f"stages:access.ssh_cidrs: should hold the stack's network {settings.network.cidr}"
                f" as well, got {', '.join(access.ssh_cidrs)}",
                "The endpoint's sessions come from there: add it, or remove the line.",
            )
        )
    problems += [
        invalid(
            "stages:access.ssh_cidrs",
            "IPv4 networks",
            cidr,
            "The stack's network has no IPv6: name the IPv4 network that you come from.",
        )
        for cidr in access.ssh_cidrs
        if ipaddress.ip_network(cidr).version == 6
    ]
    return problems


def _places(settings: Settings) -> list[UserError]:
    try:
        region = regions.region(settings.region)
    except UserError as error:
        return [error]
    problems = []
    try:
        regions.zones(region, settings.network.zones)
    except UserError as error:
        problems.append(error)
    return problems


def _plans(settings: Settings) -> list[UserError]:
    names = unknown_names(
        (plans.server, settings.server.plan), (plans.database, settings.database.plan)
    )
    problems = list(names)
    if settings.server.image and not re.fullmatch(r"ami-[0-9a-f]{8,17}", settings.server.image):
        problems.append(
            invalid(
                "stages:server.image",
                "the id of an AMI",
                settings.server.image,
                "For example ami-0123456789abcdef0.",
            )
        )
    return problems


def _webhook(settings: Settings) -> list[UserError]:
    """SNS asks an endpoint to confirm first, and sends JSON of its own: chats answer neither."""
    webhook = settings.alarms.webhook or ""
    chat = next((host for host in CHATS if webhook.startswith(f"https://{host}/")), None)
    if chat is None:
        return []
    return [
        UserError(
            "stages:alarms.webhook: should be an endpoint that confirms subscriptions of SNS on"
            f" AWS, got one of {chat}, which does not",
            "Slack channels have e-mail addresses, which stages:alarms.email takes; or let Amazon Q"
            " Developer in chat applications read the stack's topic.",
        )
    ]


def _storage(settings: Settings) -> list[UserError]:
    size, limit = settings.database.storage_gib, settings.database.storage_limit_gib
    if size < LEAST_STORAGE_GIB:
        return [
            invalid(
                "stages:database.storage_gib",
                f"at least {LEAST_STORAGE_GIB} on AWS",
                size,
                f"Set it to {LEAST_STORAGE_GIB}: RDS makes no smaller disk.",
            )
        ]
    if limit is not None and limit != size and limit * 10 < size * 11:
        return [
            invalid(
                "stages:database.storage_limit_gib",
                f"{size}, or at least {-(-size * 11 // 10)}",
                limit,
                "RDS wants at least a tenth more to grow into; the size itself means no growth.",
            )
        ]
    return []
