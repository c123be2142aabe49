"""What the local cloud cannot do with a stack's settings, told before anything is made.

Only what the settings alone say; ``preflight.py`` asks the machine for the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Final

from components.clouds.local import plans
from components.errors import UserError
from components.settings import Settings
from components.settings.problems import PREFIX, raise_all, refusal, unknown_names
from components.settings.reading import all_keys

LACKS: Final = {
    "region": "has no regions",
    "server.image": "boots the host image that it built itself",
    "network.zones": "has no availability zones",
    "network.flow_logs": "logs no connections",
    "access.instance_connect": "has no such tunnel",
    "dns.zone": "has no DNS of its own (`up` says which record to make)",
    "alarms.email": "has no alarms",
    "alarms.uptime": "has no alarms",
    "alarms.webhook": "has no alarms",
    "database.storage_limit_gib": "has disks that do not grow by themselves",
    "database.backup_days": "backs nothing up",
    "database.maintenance_day": "has no maintenance",
    "database.maintenance_hour": "has no maintenance",
    "database.apply_immediately": "makes every change at once",
}
"""Settings that would do nothing here, and why. One that has its default cannot be told from one
that was left out."""


def check(settings: Settings) -> None:
    """Raise ``UserError`` with everything that does not fit."""
    raise_all([*_name(settings), *_lacking(settings), *_plans(settings)])


def _name(settings: Settings) -> Iterator[UserError]:
    """The stack's name is the database's host name, and a folder beside that of the images."""
    host_name = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
    if not re.fullmatch(host_name, settings.stack) or settings.stack == "image":
        yield refusal(
            "stack name",
            "letters, digits and -, the last no -, and not image, on local",
            settings.stack,
            "For example local-stage1.",
        )


def _lacking(settings: Settings) -> Iterator[UserError]:
    for key, reason in LACKS.items():
        group, _, name = key.rpartition(".")
        holder = getattr(settings, group) if group else settings
        default = next(field.default for field in fields(holder) if field.name == name)
        value = getattr(holder, name)
        if value != default:
            should_be = "false" if default is False else "left out"
            wanted = f"{should_be} on local, which {reason}"
            hidden = all_keys()[key].kind.may_be_secret
            yield refusal(PREFIX + key, wanted, value, "Remove the line.", hidden=hidden)


def _plans(settings: Settings) -> Iterator[UserError]:
    return unknown_names(
        (plans.server, settings.server.plan), (plans.database, settings.database.plan)
    )
