"""The stand-ins themselves: what they refuse, so that the other tests here can fail."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2

from tests.engine import replacing, sdk
from tests.engine.cloud import Cloud, Refused
from tests.engine.provider import StandIn
from tests.support.planned import planned

VPC = "aws:ec2/vpc:Vpc"
EVERYTHING = {
    "alarms__email": "alarms@example.org",
    "alarms__uptime": True,
    "domain": "shop.example.com",
    "dns__zone": "example.com",
}
OF_CLOUDS: dict[str, dict[str, Any]] = {
    "aws": {
        "network__flow_logs": True,
        "access__instance_connect": True,
        "access__ssh_cidrs": ["10.99.0.0/20"],
        "network__cidr": "10.99.0.0/20",
    },
    "digitalocean": {},
}
OF_STAGES: dict[int, dict[str, Any]] = {
    1: {},
    2: {"database__read_replicas": 1, "database__standby": True},
}


def refusals(type_: str, inputs: dict[str, Any]) -> list[str]:
    """What the stand-in says to the engine about a resource."""
    request = provider_pb2.CheckRequest(
        urn=f"urn:pulumi:s::p::stages:a:B${type_}::name",
        news=json_format.ParseDict(inputs, struct_pb2.Struct()),
    )
    answer = StandIn(type_.partition(":")[0], Cloud(), lambda: None).Check(request, None)
    return [failure.reason for failure in answer.failures]


@pytest.mark.parametrize(
    ("type_", "inputs", "refusal"),
    [
        ("aws:ec2/vpc:Vpd", {}, "aws:ec2/vpc:Vpd: the SDK has no such type"),
        ("aws:ec2/vpn:Vpc", {}, "aws:ec2/vpn:Vpc: the SDK calls it aws:ec2/vpc:Vpc"),
        (VPC, {"cidr": "10.0.0.0/16"}, "cidr: aws:ec2/vpc:Vpc has no such input"),
        (VPC, {"cidrBlock": 10}, "cidrBlock: should be a text, got 10.0"),
        (VPC, {"enableDnsSupport": "yes"}, "enableDnsSupport: should be a switch, got 'yes'"),
        (VPC, {"tags": ["a"]}, "tags: should be typing.Mapping"),
        ("aws:ec2/subnet:Subnet", {}, "vpcId: is required"),
        (
            "aws:ec2/instance:Instance",
            {"metadataOptions": {"httpToken": "required"}},
            "metadataOptions.httpToken: InstanceMetadataOptionsArgs has no such input",
        ),
        (
            "digitalocean:index/databaseFirewall:DatabaseFirewall",
            {"clusterId": "c", "rules": [{"type": "tag", "values": "x"}]},
            "rules[0].values: DatabaseFirewallRuleArgs has no such input",
        ),
        # The SDK knows it; what replaces it is not said here.
        ("aws:sqs/queue:Queue", {}, "'aws:sqs/queue:Queue'"),
    ],
)
def test_what_the_sdk_does_not_know_is_refused(
    type_: str, inputs: dict[str, Any], refusal: str
) -> None:
    assert any(text.startswith(refusal) for text in refusals(type_, inputs)), refusals(
        type_, inputs
    )


def test_what_is_known_is_taken() -> None:
    assert refusals(VPC, {"cidrBlock": "10.0.0.0/16", "tags": {"a": "b"}}) == []


def test_the_table_of_replacements_names_real_inputs_and_every_type_in_use() -> None:
    for type_, inputs in replacing.REPLACES.items():
        known = sdk.of(type_).inputs
        assert {path.partition(".")[0] for path in inputs} <= set(known), type_
    used = set()
    for cloud, of_cloud in OF_CLOUDS.items():
        for stage, of_stage in OF_STAGES.items():
            wish: dict[str, Any] = {**EVERYTHING, **of_cloud, **of_stage}
            resources = planned(f"{cloud}-stage{stage}", **wish).resources
            used |= {
                resource["type"] for resource in resources if resource["type"].startswith(cloud)
            }
    assert used == set(replacing.REPLACES)


def test_what_is_used_stays_and_what_is_gone_cannot_be_used() -> None:
    cloud = Cloud()
    vpc = cloud.create(VPC, "Vpc vpc", {"cidrBlock": "10.0.0.0/16"})
    subnet = cloud.create("aws:ec2/subnet:Subnet", "Subnet a", {"vpcId": vpc.id})
    with pytest.raises(Refused, match="Vpc vpc: is in use by Subnet a"):
        cloud.delete(vpc.id, vpc.type, vpc.inputs)
    cloud.delete(subnet.id, subnet.type, subnet.inputs)
    cloud.delete(vpc.id, vpc.type, vpc.inputs)
    with pytest.raises(Refused, match="names what does not exist any more"):
        cloud.create("aws:ec2/subnet:Subnet", "Subnet b", {"vpcId": vpc.id})
