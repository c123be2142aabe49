"""What is known of types of resources: every one that stacks use is described."""

from __future__ import annotations

import functools

import pytest

from components.cloud_names import cloud_names
from planning import known
from planning.plan import Plan
from tests.engine import replacing
from tests.support.planned import planned

STACKS = ("aws-stage1", "aws-stage2", "digitalocean-stage1", "digitalocean-stage2")
LOCAL = ("local-stage1", "local-stage2")


@functools.cache
def plan(stack: str) -> Plan:
    return planned(stack)


@pytest.mark.parametrize("stack", [*STACKS, *LOCAL])
def test_what_is_protected_and_in_no_network_s_service_holds_data_or_an_address(stack: str) -> None:
    """A cloud protects more than that: what cannot go as long as a database is in it, and the
    rules of a bucket."""
    protected = {resource["type"] for resource in plan(stack).resources if resource.get("protect")}
    holding = {
        resource["type"]
        for resource in plan(stack).resources
        if known.lookup(resource["type"]).lost(resource["inputs"])
    }
    assert {known.lookup(type_).holds for type_ in holding} == {"data", "address"}
    assert holding <= protected | {"pulumi-python:dynamic/local:Address"}  # no one else has it
    around = {"Vpc", "Subnet", "SubnetGroup", "SecurityGroup", "DatabaseFirewall", "Tag"}
    around |= {"GeneratedSecrets"}  # with the passphrase that opens the backups
    names = {type_: type_.rpartition(":")[2] for type_ in protected}
    ruled = {
        type_ for type_, name in names.items() if name.startswith("Bucket") and name != "Bucket"
    }
    assert {type_ for type_, name in names.items() if name not in around} - ruled <= holding


def test_a_replica_is_a_copy() -> None:
    kind = known.lookup("aws:rds/instance:Instance")
    assert (kind.lost({}), kind.lost({"replicateSourceDb": "x"})) == ("data", "")


def test_every_cloud_describes_its_types() -> None:
    for name in cloud_names():
        assert any(f"{name}:" in type_ for type_ in known.all_known())
    used = {
        resource["type"]
        for stack in LOCAL
        for resource in plan(stack).resources
        if resource["custom"]
    }
    assert used <= set(known.all_known())


def test_the_clouds_kinds_and_the_stand_in_s_table_say_the_same() -> None:
    """Of every input that a stack sets: the one decides on comments, the other on engine tests."""
    for stack in STACKS:
        for resource in plan(stack).resources:
            package, type_ = resource["type"].partition(":")[0], resource["type"]
            if not resource["custom"] or type_ not in replacing.REPLACES:
                continue
            table = {*replacing.REPLACES[type_], *replacing.ANYWHERE.get(package, {})}
            for key in resource["inputs"]:
                assert known.lookup(type_).forces(key) == (key in table), (type_, key)


def test_a_path_inside_of_an_input_forces_by_itself() -> None:
    kind = known.lookup("aws:ec2/instance:Instance")
    assert kind.forces("rootBlockDevice.encrypted")
    assert not kind.forces("rootBlockDevice.volumeSize")
    assert known.lookup("digitalocean:index/droplet:Droplet").forces("sshKeys[0]")
    assert not known.lookup("digitalocean:index/droplet:Droplet").forces("imageX")
