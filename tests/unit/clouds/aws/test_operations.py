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


BUCKET = {
    "type": "aws:s3/bucket:Bucket",
    "urn": "bucket",
    "id": "shop-backups-bucket-1",
    "outputs": {"region": "eu-central-1", "forceDestroy": False},
}
POLICY = {"type": "aws:s3/bucketPolicy:BucketPolicy", "urn": "policy", "id": "1"}
POLICY["propertyDependencies"] = {"bucket": ["bucket"], "policy": ["bucket"]}  # type: ignore[assignment]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Stubbed:
    return Stubbed(monkeypatch, "s3")


def test_what_a_bucket_holds_is_counted_with_its_earlier_versions(s3: Stubbed) -> None:
    first = {
        "Versions": [{"Size": 1024**3}, {"Size": 1024**3}],
        "IsTruncated": True,
        "NextKeyMarker": "k",
        "NextVersionIdMarker": "v",
    }
    last = {"Versions": [{"Size": 512 * 1024**2}], "DeleteMarkers": [{"Key": "a"}]}
    asked = {"Bucket": BUCKET["id"]}
    s3.answer("s3", "list_object_versions", first, **asked)
    s3.answer("s3", "list_object_versions", last, **asked, KeyMarker="k", VersionIdMarker="v")
    assert operations.stored([OTHER, BUCKET]) == {"bucket": "2.50 GiB in 4 objects and versions"}
    s3.error("s3", "list_object_versions", "AccessDenied")
    assert operations.stored([BUCKET]) == {}
    s3.done()


def test_a_bucket_that_holds_something_stays_with_the_rules_that_keep_it_private(
    s3: Stubbed,
) -> None:
    s3.answer("s3", "list_object_versions", {"Versions": [{"Size": 1}]}, Bucket=BUCKET["id"])
    assert operations.undeletable([BUCKET, POLICY, OTHER]) == {
        "bucket": "it holds objects or earlier versions, and only an administrator empties it:"
        " https://eu-central-1.console.aws.amazon.com/s3/bucket/shop-backups-bucket-1/empty",
        "policy": "it belongs to that bucket",
    }
    s3.answer("s3", "list_object_versions", {}, Bucket=BUCKET["id"])
    assert operations.undeletable([BUCKET, POLICY]) == {}
    s3.error("s3", "list_object_versions", "AccessDenied", "not yours")
    kept = operations.undeletable([BUCKET])
    assert kept == {"bucket": "whether it is empty is not known: not yours"}
    # Nothing is asked about one that stays, or that its provider empties.
    assert operations.undeletable([{**BUCKET, "protect": True}]) == {}
    assert operations.undeletable([{**BUCKET, "outputs": {"forceDestroy": True}}]) == {}
    s3.done()
