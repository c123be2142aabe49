"""What a stack leaves at AWS that the engine does not know of: snapshots, backups, logs.

All are billed. Found by the tag ``stack``; log groups of RDS, which have none, by its name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from components.clouds.aws.account import api
from components.clouds.aws.known import regions
from components.settings import Settings

GIB = 1024**3


def lines(settings: Settings) -> list[str]:
    """One line each, with what it costs a month at the most and the command that deletes it."""
    region = regions.region(settings.region)
    try:
        return [
            *_volume_snapshots(region, settings.stack),
            *(_database(region, settings.stack) if settings.stage == 2 else ()),
        ]
    except api.Failed as error:
        return [f"snapshots, backups and logs are not known: {api.user_error(error)}"]


def _volume_snapshots(region: str, stack: str) -> Iterator[str]:
    own = [{"Name": "tag:stack", "Values": [stack]}]
    ec2 = api.client("ec2", region)
    for snapshot in _all(ec2, "describe_snapshots", "Snapshots", OwnerIds=["self"], Filters=own):
        id_ = snapshot["SnapshotId"]
        yield (
            f"snapshot {id_} of the data volume, {snapshot['StartTime']:%Y-%m-%d}:"
            f" {_price('snapshot', region, _gib(snapshot, snapshot['VolumeSize']))}"
            f" (`aws ec2 delete-snapshot --region {region} --snapshot-id {id_}`)"
        )


def _database(region: str, stack: str) -> Iterator[str]:
    rds = api.client("rds", region)
    for snapshot in _all(rds, "describe_db_snapshots", "DBSnapshots", SnapshotType="manual"):
        if _is_of(snapshot, stack):
            id_ = snapshot["DBSnapshotIdentifier"]
            yield (
                f"snapshot {id_} of the database:"
                f" {_price('rds-backup', region, _gib(snapshot, snapshot['AllocatedStorage']))}"
                f" (`aws rds delete-db-snapshot --region {region} --db-snapshot-identifier {id_}`)"
            )
    backups = "describe_db_instance_automated_backups"
    for backup in _all(rds, backups, "DBInstanceAutomatedBackups"):
        if backup.get("Status") == "retained" and _is_of(backup, stack):
            days = backup["BackupRetentionPeriod"]
            yield (
                f"backups of {backup['DBInstanceIdentifier']}, which is gone:"
                f" {_price('rds-backup', region, Decimal(backup['AllocatedStorage']))}"
                f" for the {days} days that they are kept"
            )
    logs, prefix = api.client("logs", region), f"/aws/rds/instance/{stack}-"
    for group in _all(
        logs, "describe_log_groups", "logGroups", "nextToken", logGroupNamePrefix=prefix
    ):
        name = group["logGroupName"]
        yield (
            f"log group {name}:"
            f" {_price('logs-stored', region, Decimal(group['storedBytes']) / GIB)}"
            f" (`aws logs delete-log-group --region {region} --log-group-name {name}`)"
        )


def _all(
    client: Any, operation: str, key: str, token: str = "", **asked: Any
) -> Iterator[dict[str, Any]]:
    """Every page of an answer; ``token`` names the page in the service's words."""
    token = token or ("NextToken" if key == "Snapshots" else "Marker")
    more: dict[str, str] = {}
    while True:
        answer = api.call(client, operation, **asked, **more)
        yield from answer.get(key, [])
        if not answer.get(token):
            return
        more = {token: answer[token]}


def _is_of(item: Mapping[str, Any], stack: str) -> bool:
    return {"Key": "stack", "Value": stack} in item.get("TagList", [])


def _gib(snapshot: Mapping[str, Any], disk_gib: int) -> Decimal:
    """What a snapshot holds; the whole disk where AWS does not say."""
    held = snapshot.get("FullSnapshotSizeInBytes")
    return Decimal(held) / GIB if held else Decimal(disk_gib)


def _price(item: str, region: str, gib: Decimal) -> str:
    usd = _prices().get((item, region))
    if usd is None:
        return f"{gib:.1f} GiB, its price in {region} is not known"
    return f"{gib:.1f} GiB, at most ${usd * gib:.2f} a month"


@cache
def _prices() -> Mapping[tuple[str, str], Decimal]:
    rows = json.loads((Path(__file__).parents[1] / "known" / "prices.json").read_text())["prices"]
    return {(row["item"], row["region"]): Decimal(row["usd"]) for row in rows}
