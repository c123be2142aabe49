"""The keys that choose: cloud, stage, region, plans, pool mode, version."""

from __future__ import annotations

import datetime
import re
from typing import Literal, cast, get_args

from components.cloud_names import cloud_names
from components.settings.kinds import ListOf, Single, whole
from components.settings.problems import Refused
from components.settings.text import line, pattern

Stage = Literal[1, 2]
PoolMode = Literal["transaction", "session", "statement"]
Scheme = Literal["postgresql", "postgres"]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _cloud(value: object) -> str:
    text = line(value)
    if text not in (known := cloud_names()):
        raise Refused(f"one of {', '.join(known)}")
    return text


def _restore_from(value: object) -> str:
    """``latest``, the id of a backup, or a time in UTC with its microseconds."""
    # YAML reads a time as one.
    text = value.isoformat() if isinstance(value, datetime.date) else line(value)
    if text == "latest" or re.fullmatch("[0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[DI])?", text):
        return text
    moment = datetime.datetime.fromisoformat(text)
    try:
        moment = moment.replace(tzinfo=moment.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    except OverflowError:
        raise ValueError from None
    return moment.isoformat(timespec="microseconds")


def _stage(value: object) -> Stage:
    return cast(Stage, whole(1, 2).convert(value))


def _pool_mode(value: object) -> PoolMode:
    text = line(value)
    if text not in get_args(PoolMode):
        raise ValueError
    return cast(PoolMode, text)


def _scheme(value: object) -> Scheme:
    text = line(value)
    if text not in get_args(Scheme):
        raise ValueError
    return cast(Scheme, text)


CLOUD = Single(
    allowed="the name of a folder in `components/clouds`",
    convert=_cloud,
    remedy="Correct the name.",
)
STAGE: Single[Stage] = Single(
    allowed="1 or 2",
    convert=_stage,
    remedy="1 is the single server, 2 has a database of its own.",
)
REGION = pattern(
    r"[a-z0-9]+(-[a-z0-9]+)*",
    "the name of a region",
    longest=64,
    remedy="Write it as the cloud does, such as eu-central-1.",
)
PLAN = pattern(
    r"[a-z0-9]+([._-][a-z0-9]+)*",
    "the name of a plan",
    longest=64,
    remedy="Write it as the cloud does, in small letters.",
)
OTHER_STACK = pattern(
    r"[a-z0-9]+(-[a-z0-9]+)*",
    "the name of a stack",
    longest=64,
    remedy="Such as shop-stage2.",
)
IMAGE = pattern(
    r"[A-Za-z0-9]+([._-][A-Za-z0-9]+)*",
    "the id of an image",
    longest=128,
    remedy="Write it as the cloud does, such as ami-0123456789abcdef0.",
)
ZONES = ListOf(
    of=pattern(
        r"[a-z0-9]+(-[a-z0-9]+)*",
        "the name of an availability zone",
        longest=64,
        remedy="Write it as the cloud does, such as eu-central-1a.",
    ),
    allowed="a list of availability zones",
    remedy="For example [eu-central-1a, eu-central-1b].",
)
EMAIL = pattern(
    r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+",
    "an e-mail address",
    longest=254,
    remedy="For example ops@example.com.",
)
WEEKDAY = pattern(
    "|".join(WEEKDAYS),
    "a day of the week",
    remedy="For example sunday.",
)
SCHEME: Single[Scheme] = Single(
    allowed=f"one of {', '.join(get_args(Scheme))}",
    convert=_scheme,
    remedy="postgresql suits every library.",
)
POOL_MODE: Single[PoolMode] = Single(
    allowed=f"one of {', '.join(get_args(PoolMode))}",
    convert=_pool_mode,
    remedy="transaction suits most apps.",
)
RESTORE_FROM: Single[str] = Single(
    allowed="latest, a time in UTC or the id of a backup",
    convert=_restore_from,
    remedy="For example latest.",
)
VERSION: Single[int] = Single(
    allowed="17",
    convert=whole(17, 17).convert,
    remedy="Debian 13, which every host runs, has PostgreSQL 17 and no other.",
)
