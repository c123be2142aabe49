"""What the commands do at AWS, by its own shapes (botocore's stubber)."""

from __future__ import annotations

import pytest

from components.clouds.aws.account import operations
from components.errors import UserError
from tests.unit.clouds.aws.stubbed import Stubbed

DATABASE = {
    "type": "aws:rds/instance:Instance",
    "outputs": {"identifier": "shop", "region": "eu-central-1", "deletionProtection": True},
}
REPLICA = {"type": "aws:rds/instance:Instance", "outputs": {"identifier": "shop-replica"}}
OTHER = {"type": "aws:ec2/vpc:Vpc"}


@pytest.fixture
def rds(monkeypatch: pytest.MonkeyPatch) -> Stubbed:
    return Stubbed(monkeypatch, "rds")


def test_fact_2_data_that_goes_for_good_is_unlocked_where_it_is_locked(rds: Stubbed) -> None:
    rds.answer(
        "rds",
        "modify_db_instance",
        {},
        DBInstanceIdentifier="shop",
        DeletionProtection=False,
    )
    operations.unlock([OTHER, REPLICA, DATABASE])
    rds.done()
    assert rds.asked == ["ModifyDBInstance"]
    assert rds.regions == ["eu-central-1"]


def test_a_right_that_lacks_is_told(rds: Stubbed) -> None:
    rds.error("rds", "modify_db_instance", "AccessDenied", "not yours")
    with pytest.raises(UserError) as refused:
        operations.unlock([DATABASE])
    assert str(refused.value) == (
        "AWS refuses the right to ask: not yours. The rights are in"
        " components/clouds/aws/iam-policy.json."
    )
