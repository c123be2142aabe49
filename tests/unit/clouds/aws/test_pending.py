"""Deferred changes of a database: told, no difference, cancelled (botocore's stubber)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from components import settings
from components.clouds.aws.account import operations, pending
from components.errors import UserError
from components.seam.provider import load
from components.settings import Settings
from tests.unit.clouds.aws import graph
from tests.unit.clouds.aws.stubbed import Stubbed

NAME = "aws-stage2-database"
WHEN = "waits for the hour of maintenance, sunday 04:00 UTC"


def database(waiting: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A database of the default size, as RDS describes it."""
    return {
        "DBInstanceIdentifier": "terraform-1",
        "DBInstanceStatus": "available",
        "DBInstanceClass": "db.t4g.medium",
        "AllocatedStorage": 20,
        "MultiAZ": False,
        "EngineVersion": "17.6",
        "BackupRetentionPeriod": 7,
        "PendingModifiedValues": waiting,
        "TagList": [{"Key": "Name", "Value": NAME}, {"Key": "stack", "Value": "aws-stage2"}],
        **more,
    }


def chosen(**values: object) -> Settings:
    given = {key.replace("__", "."): value for key, value in values.items()}
    return settings.read("aws-stage2", {**graph.LEAST_2, **given})


@pytest.fixture
def rds(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubbed]:
    stubbed = Stubbed(monkeypatch, "rds")
    yield stubbed
    pending.KNOWN.clear()
    stubbed.done()


def knows(rds: Stubbed, *databases: dict[str, Any]) -> None:
    """One page with somebody else's database, then these."""
    other = database({"DBInstanceClass": "db.m7g.large"}, TagList=[])
    rds.answer("rds", "describe_db_instances", {"DBInstances": [other], "Marker": "more"})
    rds.answer("rds", "describe_db_instances", {"DBInstances": [*databases]}, Marker="more")


LARGE = {"DBInstanceClass": "db.t4g.large"}
MINE: dict[str, object] = {"database__plan": "db.t4g.large"}


def test_a_change_that_waits_is_told(rds: Stubbed) -> None:
    knows(rds, database({**LARGE, "MultiAZ": True}))
    assert pending.lines(chosen(**MINE, database__standby="true")) == [
        f"{NAME}: instanceClass db.t4g.medium -> db.t4g.large {WHEN}.",
        f"{NAME}: multiAz False -> True {WHEN}.",
    ]


def test_parameters_that_wait_for_a_restart_are_told(rds: Stubbed) -> None:
    group = {"DBParameterGroupName": "x", "ParameterApplyStatus": "pending-reboot"}
    knows(rds, database({}, DBParameterGroups=[group]))
    assert pending.lines(chosen()) == [
        f"{NAME}: new parameters wait for the database's next restart."
    ]


def test_a_change_that_waits_is_no_difference_again(rds: Stubbed) -> None:
    """The program leaves out what RDS has accepted, and nothing else."""
    knows(rds, database({**LARGE, "Iops": 12000}))
    pending.lines(chosen(**MINE))
    stack = graph.of_stage(2, **MINE, database__read_replicas=1)
    assert {"instanceClass", "iops"} <= set(
        stack.only("rds/instance:Instance", "-database").ignored
    )
    assert "instanceClass" not in stack.only("rds/instance:Instance", "-replica-1").ignored


@pytest.mark.parametrize("plan", ["db.t4g.medium", "db.m7g.large"], ids=["back", "another"])
def test_one_that_is_wanted_no_longer_is_not_left_out(rds: Stubbed, plan: str) -> None:
    knows(rds, database(LARGE))
    pending.lines(chosen(database__plan=plan))
    stack = graph.of_stage(2, database__plan=plan)
    assert "instanceClass" not in stack.only("rds/instance:Instance", "-database").ignored


def test_a_change_that_is_set_back_is_told_and_cancelled(rds: Stubbed) -> None:
    knows(rds, database(LARGE))
    assert pending.lines(chosen()) == [
        f"{NAME}: instanceClass db.t4g.medium -> db.t4g.large is no longer wanted and {WHEN}:"
        " `make up STACK=aws-stage2` cancels it."
    ]
    knows(rds, database(LARGE))
    rds.answer(
        "rds",
        "modify_db_instance",
        {},
        DBInstanceIdentifier="terraform-1",
        ApplyImmediately=True,
        DBInstanceClass="db.t4g.medium",
    )
    messages: list[str] = []
    pending.cancel(chosen(), messages.append)
    assert messages == [f"{NAME}: instanceClass db.t4g.medium -> db.t4g.large is cancelled."]


def test_nothing_is_cancelled_where_that_would_make_another_change_at_once(rds: Stubbed) -> None:
    knows(rds, database({**LARGE, "MultiAZ": True}))
    messages: list[str] = []
    pending.cancel(chosen(database__standby="true"), messages.append)
    assert messages == [
        f"{NAME}: instanceClass db.t4g.medium -> db.t4g.large is not cancelled: RDS would make"
        f" {NAME}: multiAz False -> True at once as well. Take that back too, or set"
        " stages:database.apply_immediately: true."
    ]
    assert "ModifyDBInstance" not in rds.asked


@pytest.mark.parametrize(
    "waiting",
    [LARGE, {"EngineVersion": "17.7"}, {"AllocatedStorage": 40}, {"StorageThroughput": 500}],
    ids=["asked for", "minor version", "growth", "RDS's own"],
)
def test_what_the_settings_ask_for_or_say_nothing_of_is_not_cancelled(
    rds: Stubbed, waiting: dict[str, Any]
) -> None:
    knows(rds, database(waiting))
    pending.cancel(chosen(**MINE, database__storage_gib="40"), pytest.fail)


def test_a_grown_disk_is_not_taken_for_one_that_was_set_back(rds: Stubbed) -> None:
    knows(rds, database({"AllocatedStorage": 60}, DBInstanceStatus="storage-optimization"))
    pending.cancel(chosen(), pytest.fail)


def test_stage_1_asks_nothing(rds: Stubbed) -> None:
    stage_1 = settings.read("aws-stage1", {**graph.LEAST, "stage": "1"})
    assert pending.lines(stage_1) == []
    pending.cancel(stage_1, print)
    assert rds.asked == []


def test_a_right_that_lacks_is_told(rds: Stubbed) -> None:
    rds.error("rds", "describe_db_instances", "AccessDenied", "not yours")
    with pytest.raises(UserError, match="AWS refuses the right to ask: not yours"):
        pending.lines(chosen())


def test_the_commands_find_it() -> None:
    hooks = load("aws").operations
    assert hooks is operations.OPERATIONS
    assert (hooks.pending, hooks.cancel_pending) == (pending.lines, pending.cancel)
