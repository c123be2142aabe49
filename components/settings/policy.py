"""The settings of the policies: as ``model`` declares all others."""

# ruff: noqa: RUF009 - `key` makes a dataclass field

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, get_args

from components.settings.key import key
from components.settings.kinds import MapOf, Single
from components.settings.problems import Refused
from components.settings.text import line

LEVELS: Final = ("mandatory", "advisory", "disabled")


RuleId = Literal[
    "database-private",
    "admin-ports",
    "encryption",
    "backups",
    "protected-data",
    "deletion-protection",
    "metadata-tokens",
    "user-data-secrets",
    "pinned-image",
    "labels",
    "budget",
]
"""What settings and the engine call a rule of ``planning/policies/rules.py``: it never changes."""


def _rule(value: object) -> str:
    text = line(value)
    if text not in (known := get_args(RuleId)):
        raise Refused(f"one of {', '.join(known)}")
    return text


def _level(value: object) -> str:
    text = line(value)
    if text not in LEVELS:
        raise ValueError
    return text


def _dollars(value: object) -> Decimal:
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", str(value)):
        raise ValueError
    return Decimal(str(value))


RULE_LEVELS = MapOf(
    names=Single(
        allowed="a map whose names are rules of policy/README.md",
        convert=_rule,
        remedy="They are listed in policy/README.md.",
    ),
    values=Single(
        allowed=f"one of {', '.join(LEVELS)}",
        convert=_level,
        remedy="A mandatory rule stops an update that is run with the policies.",
    ),
    allowed="a map of rules to levels",
    remedy="For example {budget: mandatory}.",
)
DOLLARS = Single(
    allowed="dollars a month with at most two decimals",
    convert=_dollars,
    remedy="For example 80.",
)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Rules that a stack should follow. They are listed in `policy/README.md`."""

    levels: dict[str, str] = key(
        RULE_LEVELS,
        f"Level of a rule, by its id: {', '.join(LEVELS)}.",
        make_default=dict,
        by_default="each rule's own",
    )
    budget_usd_per_month: Decimal | None = key(
        DOLLARS,
        "Maximum cost of the stack, without costs that depend on usage.",
        default=None,
        by_default="the upper end of what the stage is expected to cost: 50 in stage 1, 150 in"
        " stage 2",
        unit="USD a month",
    )
