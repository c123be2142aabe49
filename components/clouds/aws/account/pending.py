"""Changes of a database that RDS has accepted and not made yet, until the hour of maintenance.

The provider does not read them (hashicorp/terraform-provider-aws#8768): an accepted change would be
a difference at each run until it is made, and one that the settings take back would be made all the
same. So the commands ask RDS before a run, and cancel after it what is no longer wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from components.clouds.aws import plans
from components.clouds.aws.account import api
from components.clouds.aws.known import regions
from components.seam.operations import Reporter
from components.settings import Settings

INPUTS: Final[Mapping[str, str]] = {
    "AllocatedStorage": "allocatedStorage",
    "BackupRetentionPeriod": "backupRetentionPeriod",
    "CACertificateIdentifier": "caCertIdentifier",
    "DBInstanceClass": "instanceClass",
    "EngineVersion": "engineVersion",
    "Iops": "iops",
    "MultiAZ": "multiAz",
    "StorageThroughput": "storageThroughput",
}
"""What may wait: RDS's word, which is also the argument of ``ModifyDBInstance``, and the input."""


@dataclass(frozen=True, kw_only=True)
class Pending:
    """One change that waits."""

    name: str
    """The database's tag ``Name``: its name in the program."""
    identifier: str
    attribute: str
    now: Any
    then: Any
    wanted: Any
    """What the settings say; ``None`` where they say nothing."""

    @property
    def is_wanted(self) -> bool:
        return self.wanted is None or self._same(self.then)

    @property
    def is_taken_back(self) -> bool:
        return not self.is_wanted and self._same(self.now)

    def _same(self, value: Any) -> bool:
        if self.attribute == "EngineVersion":  # the settings know the major version alone
            return str(value).split(".")[0] == str(self.wanted)
        return bool(value == self.wanted)

    def __str__(self) -> str:
        return f"{self.name}: {INPUTS[self.attribute]} {self.now} -> {self.then}"


KNOWN: Final[dict[str, list[Pending]]] = {}
"""By stack, what ``lines`` has read, for the program (``accepted``), which asks nobody."""


def accepted(stack: str, name: str) -> list[str]:
    """Return the inputs of a database whose change RDS has accepted already."""
    changes = [
        change for change in KNOWN.get(stack, ()) if change.name == name and change.is_wanted
    ]
    return [INPUTS[change.attribute] for change in changes]


def lines(settings: Settings) -> list[str]:
    """Say what waits, one sentence each. Raises ``UserError``."""
    if settings.stage != 2:
        return []
    day, hour = settings.database.maintenance_day, settings.database.maintenance_hour
    when = f"waits for the hour of maintenance, {day} {hour:02}:00 UTC"
    try:
        databases = list(_databases(settings))
    except api.Failed as error:
        raise api.user_error(error) from error
    changes = [change for database in databases for change in _pending(database, settings)]
    KNOWN[settings.stack] = changes
    sentences = [
        f"{change} is no longer wanted and {when}: `make up STACK={settings.stack}` cancels it."
        if change.is_taken_back
        else f"{change} {when}."
        for change in changes
    ]
    return sentences + [
        f"{_name(database)}: new parameters wait for the database's next restart."
        for database in databases
        if any(
            group.get("ParameterApplyStatus") == "pending-reboot"
            for group in database.get("DBParameterGroups", [])
        )
    ]


def cancel(settings: Settings, say: Reporter) -> None:
    """Cancel what the settings have taken back. Raises ``UserError``.

    RDS does so by a change to the present value, made at once, and then makes everything else that
    waits at once as well: where something else does, nothing is cancelled and the reason is said.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ModifyInstance.ApplyImmediately.html
    """
    if settings.stage != 2:
        return
    try:
        changes = [
            change for database in _databases(settings) for change in _pending(database, settings)
        ]
        for identifier, waiting in groupby(changes, key=lambda change: change.identifier):
            _cancel(settings, identifier, list(waiting), say)
    except api.Failed as error:
        raise api.user_error(error) from error


def _cancel(settings: Settings, identifier: str, waiting: list[Pending], say: Reporter) -> None:
    taken_back = [change for change in waiting if change.is_taken_back]
    others = [change for change in waiting if change not in taken_back]
    if not taken_back:
        return
    if others and not settings.database.apply_immediately:
        for change in taken_back:
            say(
                f"{change} is not cancelled: RDS would make {others[0]} at once as well. Take that"
                " back too, or set stages:database.apply_immediately: true."
            )
        return
    api.call(
        _rds(settings),
        "modify_db_instance",
        DBInstanceIdentifier=identifier,
        ApplyImmediately=True,
        **{change.attribute: change.now for change in taken_back},
    )
    for change in taken_back:
        say(f"{change} is cancelled.")


def _rds(settings: Settings) -> Any:
    return api.client("rds", regions.region(settings.region))


def _databases(settings: Settings) -> Iterator[Mapping[str, Any]]:
    """The stack's primary and replicas that nothing is done to at the moment."""
    rds = _rds(settings)
    more: dict[str, str] = {}
    while True:
        answer = api.call(rds, "describe_db_instances", **more)
        for database in answer["DBInstances"]:
            own = _tags(database).get("stack") == settings.stack
            if own and database["DBInstanceStatus"] == "available":
                yield database
        if not answer.get("Marker"):
            return
        more = {"Marker": answer["Marker"]}


def _tags(database: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in database.get("TagList", [])}


def _name(database: Mapping[str, Any]) -> str:
    return _tags(database).get("Name", str(database["DBInstanceIdentifier"]))


def _pending(database: Mapping[str, Any], settings: Settings) -> Iterator[Pending]:
    wanted = _wanted(database, settings)
    for attribute, then in (database.get("PendingModifiedValues") or {}).items():
        if attribute in INPUTS:
            yield Pending(
                name=_name(database),
                identifier=str(database["DBInstanceIdentifier"]),
                attribute=attribute,
                now=database.get(attribute),
                then=then,
                wanted=wanted.get(attribute),
            )


def _wanted(database: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """What the settings say of a database; of a replica its size alone."""
    chosen = settings.database
    wanted: dict[str, Any] = {"DBInstanceClass": chosen.plan or plans.DEFAULT_DATABASE}
    if not database.get("ReadReplicaSourceDBInstanceIdentifier"):
        wanted |= {
            "AllocatedStorage": max(chosen.storage_gib, database["AllocatedStorage"]),  # it grows
            "BackupRetentionPeriod": chosen.backup_days,
            "EngineVersion": chosen.version,
            "MultiAZ": chosen.standby,
        }
    return wanted
