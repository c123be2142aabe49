"""What a stack leaves at AWS is told with its price (botocore's stubber)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from components import settings
from components.clouds.aws.account import leftovers
from components.seam.provider import load
from components.settings import Settings
from tests.unit.clouds.aws import graph
from tests.unit.clouds.aws.stubbed import Stubbed

OWN = [{"Key": "stack", "Value": "aws-stage2"}]
OTHER = [{"Key": "stack", "Value": "other"}]


def chosen(stage: int) -> Settings:
    least = graph.LEAST_2 if stage == 2 else {**graph.LEAST, "stage": "1"}
    return settings.read(f"aws-stage{stage}", least)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubbed]:
    stubbed = Stubbed(monkeypatch, "ec2", "rds", "logs")
    yield stubbed
    stubbed.done()


def snapshots(aws: Stubbed, stage: int, answer: list[dict[str, Any]]) -> None:
    own = [{"Name": "tag:stack", "Values": [f"aws-stage{stage}"]}]
    asked: dict[str, Any] = {"OwnerIds": ["self"], "Filters": own}
    first = {"Snapshots": [], "NextToken": "more"}
    aws.answer("ec2", "describe_snapshots", first, **asked)
    aws.answer("ec2", "describe_snapshots", {"Snapshots": answer}, **asked, NextToken="more")


def test_stage_1_leaves_the_last_snapshot_of_its_volume(aws: Stubbed) -> None:
    taken = {
        "SnapshotId": "snap-1",
        "VolumeSize": 10,
        "StartTime": datetime(2026, 11, 3, tzinfo=UTC),
    }
    snapshots(aws, 1, [taken])
    assert leftovers.lines(chosen(1)) == [
        "snapshot snap-1 of the data volume, 2026-11-03: 10.0 GiB, at most $0.54 a month"
        " (`aws ec2 delete-snapshot --region eu-central-1 --snapshot-id snap-1`)"
    ]


def test_stage_2_leaves_snapshot_backups_and_logs_of_its_database(aws: Stubbed) -> None:
    snapshots(aws, 2, [])
    held = {"AllocatedStorage": 20, "FullSnapshotSizeInBytes": 5 * 1024**3}
    last = {"DBSnapshotIdentifier": "aws-stage2-database-1-final", **held, "TagList": OWN}
    mine = {"DBSnapshots": [last, {**last, "TagList": OTHER}]}
    aws.answer("rds", "describe_db_snapshots", mine, SnapshotType="manual")
    backup = {
        "DBInstanceIdentifier": "aws-stage2-database1",
        "AllocatedStorage": 20,
        "BackupRetentionPeriod": 7,
        "Status": "retained",
        "TagList": OWN,
    }
    every = [backup, {**backup, "Status": "active"}, {**backup, "TagList": OTHER}]
    operation = "describe_db_instance_automated_backups"
    aws.answer("rds", operation, {"DBInstanceAutomatedBackups": every})
    name = "/aws/rds/instance/aws-stage2-database1/postgresql"
    prefix = {"logGroupNamePrefix": "/aws/rds/instance/aws-stage2-"}
    groups = {"logGroups": [{"logGroupName": name, "storedBytes": 2 * 1024**3}]}
    aws.answer("logs", "describe_log_groups", groups, **prefix)
    assert leftovers.lines(chosen(2)) == [
        "snapshot aws-stage2-database-1-final of the database: 5.0 GiB, at most $0.52 a month"
        " (`aws rds delete-db-snapshot --region eu-central-1 --db-snapshot-identifier"
        " aws-stage2-database-1-final`)",
        "backups of aws-stage2-database1, which is gone: 20.0 GiB, at most $2.06 a month for the"
        " 7 days that they are kept",
        f"log group {name}: 2.0 GiB, at most $0.06 a month"
        f" (`aws logs delete-log-group --region eu-central-1 --log-group-name {name}`)",
    ]


def test_a_region_without_prices_says_so(aws: Stubbed) -> None:
    assert leftovers._price("snapshot", "sa-east-1", Decimal(3)) == (
        "3.0 GiB, its price in sa-east-1 is not known"
    )


def test_aws_that_does_not_answer_keeps_the_rest_of_the_list(aws: Stubbed) -> None:
    aws.error("ec2", "describe_snapshots", "AccessDenied", "not yours")
    (line,) = leftovers.lines(chosen(1))
    assert line.startswith("snapshots, backups and logs are not known: AWS refuses the right")


def test_the_commands_find_it() -> None:
    assert load("aws").operations.unmanaged is leftovers.lines
