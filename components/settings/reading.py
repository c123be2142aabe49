"""From the flat values of a stack file to checked settings, or to all that is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from components.errors import UserError, invalid
from components.nearest import nearest
from components.settings import backups
from components.settings.addresses import SSH_CIDRS, is_wide, zone_problems
from components.settings.backups import Backups
from components.settings.database import Database
from components.settings.key import Key, keys_of
from components.settings.kinds import is_encrypted
from components.settings.model import (
    Access,
    Alarms,
    App,
    Data,
    Dns,
    Host,
    Maintenance,
    Network,
    Queue,
    Server,
    Settings,
    Storage,
    Tls,
)
from components.settings.policy import Policy
from components.settings.problems import PREFIX, flat, raise_all, refusal, shown

GROUPS: Final[dict[str, type]] = {
    "app": App,
    "server": Server,
    "data": Data,
    "database": Database,
    "backups": Backups,
    "network": Network,
    "access": Access,
    "queue": Queue,
    "storage": Storage,
    "dns": Dns,
    "tls": Tls,
    "alarms": Alarms,
    "host": Host,
    "maintenance": Maintenance,
    "policy": Policy,
}
"""The groups of keys, in the order of the documentation."""

DEFAULT_CIDRS: Final = {1: "10.81.0.0/24", 2: "10.82.0.0/24"}
"""One for each stage, so that a stage 1 and a stage 2 live side by side on one machine."""


def read(stack: str, values: Mapping[str, object]) -> Settings:
    """Return the settings of a stack.

    ``values`` holds every ``stages:`` key without that prefix, as the Pulumi CLI gives them (all
    text, JSON for lists and maps) or as parsed YAML. Raises ``UserError`` with everything that is
    wrong, one problem on a line.
    """
    problems = _stack_name(stack) + _unknown(values)
    top = _group(Settings, "", values, problems)
    foreign = _foreign(top.get("stage"), values)
    problems += foreign.values()
    own = {name: value for name, value in values.items() if name not in foreign}
    parts = {name: _group(group, f"{name}.", own, problems) for name, group in GROUPS.items()}
    problems += _open_to_all(parts["access"], values)
    if zone := parts["dns"].get("zone"):
        problems += zone_problems(values, top.get("domain"), zone)
    problems += _unheard(parts["alarms"], values)
    problems += backups.problems(parts["backups"].get("bucket", {}))
    problems += backups.needed(parts["database"], parts["backups"])
    raise_all(problems)
    parts["network"].setdefault("cidr", DEFAULT_CIDRS[top["stage"]])
    parts["access"].setdefault("ssh_cidrs", (parts["network"]["cidr"],))
    made = {name: group(**parts[name]) for name, group in GROUPS.items()}
    return Settings(stack=stack, **top, **made)


def all_keys() -> dict[str, Key]:
    """Return every key by its dotted name, in the order of the documentation."""
    keys = dict(keys_of(Settings))
    for name, group in GROUPS.items():
        keys |= {f"{name}.{field}": about for field, about in keys_of(group).items()}
    return keys


def _stack_name(stack: str) -> list[UserError]:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", stack):
        return []
    return [
        refusal(
            "stack name",
            "at most 40 letters, digits, - and _, the first a letter or digit",
            stack,
            "For example local-stage1.",
        )
    ]


def _unknown(values: Mapping[str, object]) -> list[UserError]:
    known = all_keys()
    return [_unknown_key(name, list(known)) for name in values if name not in known]


def _unknown_key(name: str, known: list[str]) -> UserError:
    if name in GROUPS:  # what `pulumi config set --path stages:access.ssh_keys[0]` makes
        example = next(key for key in known if key.startswith(f"{name}."))
        return UserError(
            f"{PREFIX}{name}: should be written key by key, got the group as a whole",
            f"Write `{PREFIX}{example}: ...` and so on, each on a line of its own.",
        )
    written = shown(PREFIX + name)[1:-1]
    if ":" in name:
        dotted = name.replace(":", ".")
        right = f"{PREFIX}{dotted}" if dotted in known else "stages:group.name"
        return UserError(
            f"{written}: should have one colon, got {name.count(':') + 1}", f"Write {right}."
        )
    near = nearest(name, known)
    remedy = (
        f"The nearest is {PREFIX}{near[0]}." if near else "All keys are listed in docs/settings.md."
    )
    return UserError(f"{written}: should be a known key", remedy)


def _group(
    group: type, prefix: str, values: Mapping[str, object], problems: list[UserError]
) -> dict[str, Any]:
    """Read the keys of one group that are there; collect what is wrong."""
    good: dict[str, Any] = {}
    for name, about in keys_of(group).items():
        path = f"{PREFIX}{prefix}{name}"
        if is_encrypted(values.get(prefix + name)) and not about.kind.may_be_secret:
            problems.append(
                UserError(
                    f"{path}: should be plain text, got an encrypted value",
                    f"Set it again without --secret: only {_secret_keys()} hold secrets.",
                )
            )
        elif prefix + name in values:
            try:
                good[name] = about.kind.read(path, values[prefix + name])
            except UserError as error:
                problems.extend(_with_default(problem, about) for problem in flat(error))
        elif about.required:
            problems.append(
                UserError(
                    f"{path}: should be {about.kind.allowed}, got nothing",
                    f"Add a line such as `{path}: {about.example}`.",
                )
            )
    return good


def _secret_keys() -> str:
    *others, last = [
        f"{PREFIX}{name}" for name, key in all_keys().items() if key.kind.may_be_secret
    ]
    return f"{', '.join(others)} and {last}"


def _with_default(error: UserError, about: Key) -> UserError:
    """Give an error that has no remedy of its own the one that always works."""
    if error.remedy:
        return error
    return UserError(error.problem, f"Without the line it is {about.by_default}.")


def _foreign(stage: int | None, values: Mapping[str, object]) -> dict[str, UserError]:
    """Refuse, by name, the keys that mean nothing in this stage."""
    return {
        name: UserError(
            f"{PREFIX}{name}: should not be set in stage {stage}: {about.elsewhere}",
            "Remove the line.",
        )
        for name, about in all_keys().items()
        if name in values and stage is not None and stage not in about.stages
    }


def _unheard(alarms: Mapping[str, Any], values: Mapping[str, object]) -> list[UserError]:
    """Refuse to look whether the site answers where nobody would be told."""
    if not alarms.get("uptime") or {"alarms.email", "alarms.webhook"} & values.keys():
        return []
    return [
        UserError(
            f"{PREFIX}alarms.uptime: should be set where somebody is told, got no"
            f" {PREFIX}alarms.email and no {PREFIX}alarms.webhook",
            "Set one of them, or remove the line.",
        )
    ]


def _open_to_all(access: Mapping[str, Any], values: Mapping[str, object]) -> list[UserError]:
    """Refuse SSH from the whole internet, or from large parts of it, unless it is said loudly."""
    if access.get("ssh_from_anywhere") or "access.ssh_cidrs" not in values:
        return []
    path = f"{PREFIX}access.ssh_cidrs"
    return [
        invalid(
            path,
            "the networks that you log in from",
            cidr,
            f"Name them, or set {PREFIX}access.ssh_from_anywhere: true to let everyone try.",
        )
        for cidr in SSH_CIDRS.sort(path, values["access.ssh_cidrs"])[0]
        if is_wide(cidr)
    ]
