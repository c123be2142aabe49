"""Who leads: the note, what follows from it, and what a failover refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.clouds.local.database import cluster, failover, host_files
from components.clouds.local.database.cluster import Cluster
from components.clouds.local.hosts import names
from components.clouds.local.resources import volume
from components.clouds.local.resources.volume import VolumeProvider
from components.errors import UserError
from tests.support.planned import of_type, planned

SHOP = Cluster(
    stack="mine",
    name="shop",
    version="17",
    primary="shop",
    synchronous="shop-standby",
    members=(("shop", "first"), ("shop-replica-1", "replica"), ("shop-standby", "standby")),
)


def test_a_note_is_read_as_it_was_written(root: Path) -> None:
    assert cluster.find("mine", "shop") is None and cluster.every("mine") == []
    cluster.write(SHOP)
    assert cluster.find("mine", "shop") == SHOP
    assert cluster.every("mine") == [SHOP]


def test_roles_follow_from_who_leads() -> None:
    swapped = Cluster(**{**vars(SHOP), "primary": "shop-standby", "synchronous": ""})
    assert (SHOP.spare, swapped.spare) == ("shop-standby", "shop")
    members = [name for name, _ in SHOP.members]
    assert [SHOP.role(name) for name in members] == ["primary", "replica", "standby"]
    assert [swapped.role(name) for name in members] == ["standby", "replica", "primary"]


def test_nobody_waits_for_a_member_that_goes_and_the_primary_does_not_go() -> None:
    left = SHOP.without("shop-standby")
    assert (left.synchronous, left.spare) == ("", None)
    assert SHOP.without("shop-replica-1").synchronous == "shop-standby"
    with pytest.raises(ValueError, match="shop is the primary of shop"):
        SHOP.without("shop")


def test_only_the_primary_starts_on_data_that_is_no_standbys() -> None:
    def files(member: str) -> dict[str, str]:
        rendered = host_files.role(SHOP, member)
        return {file.path.rpartition("/")[2]: file.text for file in rendered}

    leads, follows = files("shop"), files("shop-standby")
    assert "initdb" in leads["make-cluster"] and "pg_basebackup" not in leads["make-cluster"]
    assert "initdb" not in follows["make-cluster"] and "pg_basebackup" in follows["make-cluster"]
    assert "PrivateNetwork=no" in follows["50-follow.conf"]
    assert "PrivateNetwork" not in leads["50-follow.conf"]
    assert "synchronous_standby_names = '\"shop_standby\"'" in leads["replication.conf"]
    assert "synchronous_standby_names = ''" in follows["replication.conf"]
    assert "host=shop port=5432 user=replicator" in follows["replication.conf"]
    assert "sslmode=verify-full" in follows["replication.conf"]


def test_a_password_is_one_field_of_the_file_that_holds_it() -> None:
    files = host_files.replication("17", "PEM", "a:b\\c")
    (passes,) = [file for file in files if file.path.endswith("pgpass")]
    assert passes.text == "*:*:*:replicator:a\\:b\\\\c\n"
    assert (passes.mode, passes.owner) == (0o600, 5432)


def test_followers_get_in_only_where_there_are_some() -> None:
    def hba(replicated: bool) -> str:
        made = host_files.files(
            version="17",
            cidr="10.97.1.0/24",
            device="/dev/x",
            memory_mib=1024,
            connections=25,
            reserved=3,
            storage_gib=10,
            replicated=replicated,
        )
        wanted = ("pg_hba.conf", "nftables.conf")
        return "".join(file.text for file in made if file.path.endswith(wanted))

    line = "hostssl   replication   replicator   10.97.1.64/28   scram-sha-256\n"
    rule = "ip saddr 10.97.1.64/28 tcp dport 5432 accept\n"
    assert line in hba(True) and rule in hba(True)
    assert "replication" not in hba(False) and "10.97.1.64/28" not in hba(False)


def test_without_a_standby_nothing_takes_over(root: Path) -> None:
    problem = "Stack mine: should have a standby to fail over to, got none."
    for known in (None, SHOP.without("shop-standby")):
        if known:
            cluster.write(known)
        with pytest.raises(UserError) as refused:
            failover.plan("mine")
        assert (
            str(refused.value) == f"{problem} stages:database.standby: true makes one, in stage 2."
        )
        assert refused.value.exit_code == 2


def test_a_standby_that_is_not_in_step_does_not_take_over(root: Path) -> None:
    cluster.write(Cluster(**{**vars(SHOP), "synchronous": ""}))
    with pytest.raises(UserError) as refused:
        failover.plan("mine")
    assert str(refused.value) == (
        "Stack mine: shop-standby is not in step with shop, so that acknowledged writes would be"
        " lost. `make refresh STACK=mine`, then `make up STACK=mine`, makes it a standby."
    )
    assert refused.value.exit_code == 1


def test_the_disk_of_a_standby_that_leads_is_not_deleted(root: Path) -> None:
    props = {"stack": "mine", "name": "shop-standby", "size_gib": "1"}
    made = VolumeProvider().create(props)
    cluster.write(Cluster(**{**vars(SHOP), "primary": "shop-standby"}))
    with pytest.raises(UserError) as refused:
        VolumeProvider().delete(made.id, props)
    assert str(refused.value) == (
        "Volume shop-standby: holds the data of shop since a failover."
        " `make refresh STACK=mine`, then `make up STACK=mine`, gives it back."
    )
    assert volume.file_of(made.id).exists()
    cluster.write(SHOP)
    VolumeProvider().delete(made.id, props)
    assert not volume.file_of(made.id).exists()


def test_a_name_leads_to_one_address_or_nowhere(root: Path) -> None:
    names.publish("mine", "shop", "10.97.1.64")
    names.publish("mine", "shop", "10.97.1.65")
    assert names.address_of("mine", "shop") == "10.97.1.65"
    names.publish("mine", "shop", None)
    assert names.address_of("mine", "shop") is None


def test_the_plan_has_a_host_and_a_disk_for_each_follower_and_protects_the_first_disk() -> None:
    plan = planned("local-stage2", database__standby=True, database__read_replicas=2)
    kinds = {
        follower["name"]: follower["inputs"]["kind"] for follower in of_type(plan, "local:Follower")
    }
    assert kinds == {
        "local-stage2-standby": "standby",
        "local-stage2-replica-1": "replica",
        "local-stage2-replica-2": "replica",
    }
    protected = [
        volume["name"] for volume in of_type(plan, "local:Volume") if volume.get("protect")
    ]
    assert protected == ["local-stage2-volume"]
    assert len(of_type(plan, "local:Volume")) == 4
