"""docs/facts, line by line, on the graph of both stages. The number in a name is the fact's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.clouds.aws.resources import rds_ca
from components.errors import UserError
from tests.unit.clouds.aws import graph
from tests.unit.clouds.aws.graph import Graph, Node

SERVER = "ec2/instance:Instance"
DATABASE = "rds/instance:Instance"
VOLUME = "ebs/volume:Volume"
ATTACHMENT = "ec2/volumeAttachment:VolumeAttachment"
ADDRESS = "ec2/eip:Eip"
ASSOCIATION = "ec2/eipAssociation:EipAssociation"
GROUP = "ec2/securityGroup:SecurityGroup"
INGRESS = "vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "vpc/securityGroupEgressRule:SecurityGroupEgressRule"

NAMES = {"name", "namePrefix", "identifier", "identifierPrefix", "bucket", "roleName"}
"""Inputs that hold a physical name."""
RULES_OF_A_BUCKET = (
    "aws:s3/bucketLifecycleConfiguration:",
    "aws:s3/bucketOwnershipControls:",
    "aws:s3/bucketPolicy:",
    "aws:s3/bucketPublicAccessBlock:",
    "aws:s3/bucketServerSideEncryptionConfiguration:",
    "aws:s3/bucketVersioning:",
)
"""They say which bucket they belong to, and have neither a name nor tags."""


@pytest.fixture(scope="module")
def stage_1() -> Graph:
    return graph.of_stage(1)


@pytest.fixture(scope="module")
def stage_2() -> Graph:
    return graph.of_stage(2, database__read_replicas=1, alarms__email="ops@example.com")


@pytest.fixture(params=[1, 2], scope="module")
def either(request: pytest.FixtureRequest, stage_1: Graph, stage_2: Graph) -> Graph:
    return stage_1 if request.param == 1 else stage_2


def primary(stack: Graph) -> Node:
    return stack.only(DATABASE, "-database")


# Pulumi


def test_fact_1_no_resource_has_a_physical_name_of_its_own(either: Graph) -> None:
    named = {
        node.name
        for node in either.nodes
        if node.type.startswith("aws:")
        and not node.type.startswith(RULES_OF_A_BUCKET)
        and NAMES & set(node.inputs)
    }
    assert named == set()


def test_fact_1_what_holds_data_or_an_address_is_protected(stage_1: Graph, stage_2: Graph) -> None:
    def protected(stack: Graph) -> set[str]:
        return {f"{node.type} {node.name}" for node in stack.nodes if node.protect}

    def kept(stack: Graph, name: str) -> set[str]:
        """But for the bucket of the backups."""
        bucket = {title for title in protected(stack) if title.startswith("aws:s3/")}
        assert bucket
        assert all(title.split(" ")[1].startswith(f"{name}-backups-bucket") for title in bucket)
        return protected(stack) - bucket

    assert kept(stage_1, "aws-stage1") == {
        "aws:ebs/volume:Volume aws-stage1-data",
        "aws:ec2/eip:Eip aws-stage1-app-address",
        # With the passphrase of the backups.
        "pulumi-python:dynamic/stages:GeneratedSecrets aws-stage1-secrets",
    }
    assert kept(stage_2, "aws-stage2") == {
        "pulumi-python:dynamic/stages:GeneratedSecrets aws-stage2-secrets",
        "aws:ec2/eip:Eip aws-stage2-app-address",
        "aws:rds/instance:Instance aws-stage2-database",
        "aws:rds/subnetGroup:SubnetGroup aws-stage2-database",
        "aws:ec2/vpc:Vpc aws-stage2-vpc",
        "aws:ec2/subnet:Subnet aws-stage2-private-a",
        "aws:ec2/subnet:Subnet aws-stage2-private-b",
        "aws:ec2/securityGroup:SecurityGroup aws-stage2-database",
    }


def test_fact_1_a_protected_resource_needs_nothing_that_goes_with_down(stage_2: Graph) -> None:
    """Server, routes and the app's rules may all go while the database stays."""
    by_urn = {node.urn: node for node in stage_2.nodes}
    needed = {by_urn[urn].type for urn in stage_2.waits_for(primary(stage_2)) if urn in by_urn}
    assert needed == {
        "aws:ec2/vpc:Vpc",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:rds/subnetGroup:SubnetGroup",
        "aws:rds/parameterGroup:ParameterGroup",
        "pulumi-python:dynamic/stages:GeneratedSecrets",
    }


def test_fact_1_protection_is_one_loud_setting() -> None:
    for stage in (1, 2):
        stack = graph.of_stage(stage, data__protected="false")
        assert [node.name for node in stack.nodes if node.protect] == []


def test_fact_1_a_new_parameter_group_comes_before_the_old_one_goes(stage_2: Graph) -> None:
    assert stage_2.only("rds/parameterGroup:ParameterGroup").delete_before_replace is False


def test_fact_2_the_clouds_own_protection_stands_beside_the_engines(stage_2: Graph) -> None:
    assert primary(stage_2).inputs["deletionProtection"] is True
    off = primary(graph.of_stage(2, data__protected="false")).inputs
    assert off["deletionProtection"] is False
    assert off["skipFinalSnapshot"] is True
    assert off["deleteAutomatedBackups"] is True, "what is thrown away leaves no bill"


def test_fact_2_a_protected_volume_leaves_a_snapshot(stage_1: Graph) -> None:
    assert stage_1.only(VOLUME).inputs["finalSnapshot"] is True
    assert graph.of_stage(1, data__protected="false").only(VOLUME).inputs["finalSnapshot"] is False


def test_a_last_snapshot_that_is_wanted_or_not_changes_no_volume(stage_1: Graph) -> None:
    """The provider sends ModifyVolume for it (hashicorp/terraform-provider-aws#31044)."""
    assert "finalSnapshot" in stage_1.only(VOLUME).ignored


def test_the_last_snapshot_of_a_large_volume_has_hours(stage_1: Graph) -> None:
    assert stage_1.only(VOLUME).timeouts == ("", "30m", "12h")


def test_fact_5_an_image_of_the_settings_needs_no_look_up() -> None:
    stack = graph.of_stage(1, server__image="ami-0123456789abcdef0")
    assert stack.only(SERVER).inputs["ami"] == "ami-0123456789abcdef0"
    assert stack.calls == []


@pytest.mark.parametrize(
    ("plan", "name", "architecture"),
    [("t4g.small", "debian-13-arm64-*", "arm64"), ("t3.small", "debian-13-amd64-*", "x86_64")],
)
def test_fact_5_without_one_debians_newest_is_looked_up_for_the_plan(
    plan: str, name: str, architecture: str
) -> None:
    stack = graph.of_stage(1, server__plan=plan)
    (call,) = stack.calls
    filters = {each["name"]: each["values"] for each in call.args["filters"]}
    assert call.token == "aws:ec2/getAmi:getAmi"
    assert call.args["owners"] == ["136693071363"]
    assert call.args["mostRecent"] is True
    assert call.args["region"] == "eu-central-1"
    assert "::aws-stage1-aws::" in call.provider
    assert filters["name"] == [name]
    assert filters["architecture"] == [architecture]
    assert stack.only(SERVER).inputs["ami"] == "ami-00000000000000013"


def test_fact_5_a_newer_image_does_not_replace_the_server(either: Graph) -> None:
    assert "ami" in either.only(SERVER).ignored


def test_fact_5_zones_are_not_looked_up(either: Graph) -> None:
    assert {call.token for call in either.calls} == {"aws:ec2/getAmi:getAmi"}
    zones = {node.inputs["availabilityZone"] for node in either.of("ec2/subnet:Subnet")}
    assert zones == {"eu-central-1a", "eu-central-1b"}


# The server


def test_fact_11_a_new_boot_document_does_not_stop_a_running_server(either: Graph) -> None:
    server = either.only(SERVER)
    assert {"userData", "userDataBase64"} <= set(server.ignored)
    assert server.inputs["userDataReplaceOnChange"] is False


def test_fact_11_the_user_data_holds_no_secret(either: Graph) -> None:
    text = either.only(SERVER).inputs["userData"]
    assert text.startswith("#cloud-config\n")
    assert "secret-of-" not in text
    assert len(text.encode()) <= 16384


def test_fact_11_a_document_over_the_limit_is_refused() -> None:
    keys = [f"{graph.KEY}{number}" for number in range(200)]
    with pytest.raises(UserError, match="The boot document should be at most 16384 bytes, got "):
        graph.of_stage(1, access__ssh_keys=keys)


def test_a_new_generation_replaces_the_server(either: Graph) -> None:
    assert either.only(SERVER).replacement_trigger == "1 arm64"
    stack = graph.of_stage(1, server__generation="7", server__plan="t4g.large")
    assert stack.only(SERVER).replacement_trigger == "7 arm64"


def test_a_plan_of_another_architecture_replaces_the_server() -> None:
    stack = graph.of_stage(1, server__plan="t3.medium")
    assert stack.only(SERVER).replacement_trigger == "1 x86_64"


def test_fact_12_data_is_on_a_volume_of_its_own(stage_1: Graph, stage_2: Graph) -> None:
    volume = stage_1.only(VOLUME)
    assert volume.inputs["encrypted"] is True
    assert volume.inputs["type"] == "gp3"
    assert volume.inputs["size"] == 10
    server = stage_1.only(SERVER)
    assert volume.inputs["availabilityZone"] == "eu-central-1a"
    assert (
        stage_1.only("ec2/subnet:Subnet", "public-a").inputs["availabilityZone"] == "eu-central-1a"
    )
    assert server.inputs["subnetId"] == "aws-stage1-public-a-id"
    assert "ebsBlockDevices" not in server.inputs
    assert stage_2.of(VOLUME) == []


def test_fact_12_the_old_attachment_goes_first_and_stops_its_server(stage_1: Graph) -> None:
    attachment = stage_1.only(ATTACHMENT)
    assert attachment.inputs["stopInstanceBeforeDetaching"] is True
    assert attachment.delete_before_replace is True
    assert stage_1.only(SERVER).delete_before_replace is True


def test_fact_12_without_a_volume_the_new_server_comes_first(stage_2: Graph) -> None:
    assert not stage_2.only(SERVER).delete_before_replace
    assert not stage_2.only(ASSOCIATION).delete_before_replace


def test_fact_12_the_boot_document_waits_for_the_volume_by_its_serial_number(
    stage_1: Graph,
) -> None:
    device = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0"
    assert f"device={device}\n" in stage_1.only(SERVER).inputs["userData"]


def test_fact_13_the_address_is_static_and_the_first_one_automatic(either: Graph) -> None:
    assert either.only(ADDRESS).inputs["domain"] == "vpc"
    server = either.only(SERVER)
    assert server.inputs["associatePublicIpAddress"] is True
    assert "associatePublicIpAddress" in server.ignored, "it reads as absent once released"
    association = either.only(ASSOCIATION)
    assert association.inputs["allowReassociation"] is True
    assert association.inputs["instanceId"] == "i-0123456789abcdef0"
    assert "instance" not in either.only(ADDRESS).inputs, "one way of pointing, never two"


def test_fact_13_the_address_moves_after_the_readiness_check(either: Graph) -> None:
    (host,) = [node for node in either.nodes if node.type.endswith(":HostConfiguration")]
    assert host.urn in either.only(ASSOCIATION).from_inputs["instanceId"]


def test_fact_13_the_address_depends_on_no_server(either: Graph) -> None:
    assert either.only(SERVER).urn not in either.waits_for(either.only(ADDRESS))


def test_fact_14_metadata_takes_a_token_and_no_hop(either: Graph) -> None:
    assert either.only(SERVER).inputs["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
        "instanceMetadataTags": "disabled",
    }


def test_fact_15_rules_are_resources_and_never_inside_a_group(either: Graph) -> None:
    for group in either.of(GROUP):
        assert not {"ingress", "egress"} & set(group.inputs), group.name
    default = either.only("ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert default.inputs["ingress"] == []
    assert default.inputs["egress"] == []


def test_fact_15_a_servers_rules_are_there_from_its_boot_to_its_shutdown(either: Graph) -> None:
    needed = {
        node.urn
        for kind in (INGRESS, EGRESS, "ec2/route:Route")
        for node in either.of(kind)
        if "-database-" not in node.name
    }
    assert len(needed) == 5
    assert needed <= either.waits_for(either.only(SERVER))


def admits(stack: Graph, group: str, kind: str = INGRESS) -> set[tuple[str, int]]:
    """Who may talk to a group (``EGRESS``: to whom it may), and on which port."""
    rules = [rule.inputs for rule in stack.of(kind) if rule.inputs["securityGroupId"] == group]
    assert all(rule["fromPort"] == rule["toPort"] for rule in rules)
    assert all(rule["ipProtocol"] == "tcp" for rule in rules)
    return {
        (rule.get("cidrIpv4") or rule["referencedSecurityGroupId"], int(rule["fromPort"]))
        for rule in rules
    }


def test_fact_15_the_app_server_admits_the_world_to_the_web_alone(either: Graph) -> None:
    (group,) = [node for node in either.of(GROUP) if node.name.endswith("-app")]
    assert admits(either, f"{group.name}-id") == {
        ("0.0.0.0/0", 80),
        ("0.0.0.0/0", 443),
        ("203.0.113.7/32", 22),
    }
    assert either.only(EGRESS).inputs["ipProtocol"] == "-1"


def test_fact_15_the_database_admits_the_app_server_alone(stage_2: Graph) -> None:
    assert admits(stage_2, "aws-stage2-database-id") == {("aws-stage2-app-id", 5432)}
    assert primary(stage_2).inputs["vpcSecurityGroupIds"] == ["aws-stage2-database-id"]
    leaving = {rule.inputs["securityGroupId"] for rule in stage_2.of(EGRESS)}
    assert leaving == {"aws-stage2-app-id"}, "nothing leaves the database's group"


def test_the_way_in_may_be_an_endpoint_without_an_open_port() -> None:
    stack = graph.of_stage(1, access__instance_connect="true", access__ssh_cidrs=["10.81.0.0/24"])
    endpoint = stack.only("ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint")
    assert endpoint.inputs["securityGroupIds"] == ["aws-stage1-endpoint-id"]
    assert admits(stack, "aws-stage1-app-id") == {
        ("0.0.0.0/0", 80),
        ("0.0.0.0/0", 443),
        ("aws-stage1-endpoint-id", 22),
    }
    assert admits(stack, "aws-stage1-endpoint-id", EGRESS) == {("aws-stage1-app-id", 22)}
    assert admits(stack, "aws-stage1-endpoint-id") == set()
    assert endpoint.inputs["preserveClientIp"] is False, "the rule knows the endpoint alone"
    assert endpoint.urn in stack.waits_for(stack.only(SERVER)), "it is the shutdown's way in, too"
    (host,) = [node for node in stack.nodes if node.type.endswith(":HostConfiguration")]
    assert host.inputs["ssh_host"] == "i-0123456789abcdef0"


# The database


def test_fact_16_no_part_is_lightsails(either: Graph) -> None:
    assert [node.type for node in either.nodes if "lightsail" in node.type] == []
    assert len(either.of("ec2/instance:Instance")) == 1


def test_fact_17_nothing_of_the_database_is_left_to_rdss_defaults(stage_2: Graph) -> None:
    inputs = primary(stage_2).inputs
    expected: dict[str, Any] = {
        "storageEncrypted": True,
        "storageType": "gp3",
        "backupRetentionPeriod": 7,
        "deletionProtection": True,
        "deleteAutomatedBackups": False,
        "copyTagsToSnapshot": True,
        "publiclyAccessible": False,
        "skipFinalSnapshot": False,
        "autoMinorVersionUpgrade": True,
        "enabledCloudwatchLogsExports": ["postgresql", "upgrade"],
        "multiAz": False,
    }
    assert {key: inputs[key] for key in expected} == expected


def test_the_database_is_what_the_settings_say() -> None:
    stack = graph.of_stage(
        2,
        database__plan="db.m7g.large",
        database__storage_gib="30",
        database__maintenance_day="monday",
        database__read_replicas="1",
    )
    for node in stack.of(DATABASE):
        assert node.inputs["instanceClass"] == "db.m7g.large"
        assert node.inputs["maxAllocatedStorage"] == 150
        assert node.inputs["maintenanceWindow"] == "mon:04:00-mon:05:00"
        assert node.inputs["parameterGroupName"] == "aws-stage2-database-89abcde"
        assert node.inputs["performanceInsightsEnabled"] is True
        assert node.inputs["performanceInsightsRetentionPeriod"] == 7, "more of them cost"
        assert node.timeouts == ("6h", "6h", "12h"), "snapshots of large disks take hours"
    inputs = primary(stack).inputs
    assert (inputs["engine"], inputs["allocatedStorage"]) == ("postgres", 30)
    assert inputs["username"] == "stages_admin"
    assert inputs["port"] == 5432


def test_the_host_finds_the_database_by_its_private_name(stage_2: Graph) -> None:
    (host,) = [node for node in stage_2.nodes if node.type.endswith(":HostConfiguration")]
    connection = host.inputs["database_secrets"]["connection"]
    assert connection["PGHOST"] == "aws-stage2-database.rds.example"
    assert connection["PGUSER"] == "stages_admin"
    assert connection["PGDATABASE"] == "postgres"
    assert connection["PGSSLMODE"] == "verify-full"


def test_fact_17_backups_reach_as_far_back_as_the_settings_say() -> None:
    stack = graph.of_stage(2, database__backup_days="14", database__maintenance_hour="0")
    inputs = primary(stack).inputs
    assert inputs["backupRetentionPeriod"] == 14
    assert inputs["backupWindow"] == "22:00-23:00"
    assert inputs["maintenanceWindow"] == "sun:00:00-sun:01:00"


def test_fact_18_the_last_snapshots_name_is_random_and_kept(stage_2: Graph) -> None:
    database = primary(stage_2)
    assert database.inputs["finalSnapshotIdentifier"] == "aws-stage2-database-89abcde-final"
    (source,) = database.from_inputs["finalSnapshotIdentifier"]
    assert source.endswith("aws:rds/subnetGroup:SubnetGroup::aws-stage2-database")


def test_fact_19_the_major_version_alone_is_given(stage_2: Graph) -> None:
    inputs = primary(stage_2).inputs
    assert inputs["engineVersion"] == "17"
    assert inputs["allowMajorVersionUpgrade"] is True
    assert stage_2.only("rds/parameterGroup:ParameterGroup").inputs["family"] == "postgres17"


def test_fact_20_parameters_are_set_at_birth(stage_2: Graph) -> None:
    group = stage_2.only("rds/parameterGroup:ParameterGroup")
    parameters = {
        each["name"]: (each["value"], each["applyMethod"]) for each in group.inputs["parameters"]
    }
    assert parameters == {
        "max_connections": ("450", "pending-reboot"),
        "rds.logical_replication": ("1", "pending-reboot"),
        "max_slot_wal_keep_size": ("4096", "immediate"),
        "rds.force_ssl": ("1", "immediate"),
    }
    assert group.urn in primary(stage_2).from_inputs["parameterGroupName"]


def test_fact_20_a_restart_waits_for_its_hour_unless_told_otherwise(stage_2: Graph) -> None:
    assert primary(stage_2).inputs["applyImmediately"] is False
    now = graph.of_stage(2, database__apply_immediately="true")
    assert primary(now).inputs["applyImmediately"] is True


def test_fact_21_the_database_has_private_subnets_in_two_zones_and_no_nat(stage_2: Graph) -> None:
    group = stage_2.only("rds/subnetGroup:SubnetGroup")
    assert group.inputs["subnetIds"] == ["aws-stage2-private-a-id", "aws-stage2-private-b-id"]
    ranges = {node.name: node.inputs["cidrBlock"] for node in stage_2.of("ec2/subnet:Subnet")}
    assert ranges == {
        "aws-stage2-public-a": "10.82.0.0/26",
        "aws-stage2-public-b": "10.82.0.64/26",
        "aws-stage2-private-a": "10.82.0.128/26",
        "aws-stage2-private-b": "10.82.0.192/26",
    }
    assert stage_2.of("ec2/natGateway:NatGateway") == []
    (route,) = stage_2.of("ec2/route:Route")
    assert route.inputs["routeTableId"] == "aws-stage2-public-id"
    tables = {
        node.inputs["subnetId"]: node.inputs["routeTableId"]
        for node in stage_2.of("ec2/routeTableAssociation:RouteTableAssociation")
    }
    assert tables == {
        f"aws-stage2-{kind}-{letter}-id": f"aws-stage2-{kind}-id"
        for kind in ("public", "private")
        for letter in "ab"
    }


def test_fact_22_extended_support_is_off(stage_2: Graph) -> None:
    inputs = primary(stage_2).inputs
    assert inputs["engineLifecycleSupport"] == "open-source-rds-extended-support-disabled"


def test_fact_23_a_restored_database_is_not_replaced(stage_2: Graph) -> None:
    assert set(primary(stage_2).ignored) == {
        *("snapshotIdentifier", "dbName", "username", "kmsKeyId", "availabilityZone")
    }
    assert "dbName" not in primary(stage_2).inputs


def test_fact_24_the_admins_password_is_ours_and_a_secret(stage_2: Graph) -> None:
    database = primary(stage_2)
    assert "manageMasterUserPassword" not in database.inputs
    assert database.inputs["password"] == "secret-of-database-admin-password"
    assert "password" in database.secrets


def test_fact_34_the_pooler_trusts_the_regions_authority_alone(stage_2: Graph) -> None:
    assert primary(stage_2).inputs["caCertIdentifier"] == rds_ca.IDENTIFIER
    (host,) = [node for node in stage_2.nodes if node.type.endswith(":HostConfiguration")]
    sent = host.inputs["late_files"]["/etc/pgbouncer/server-ca.pem"]["content"]
    assert sent == rds_ca.file("eu-central-1").read_text()
    assert sent.count("BEGIN CERTIFICATE") == 1


def test_fact_35_the_database_takes_tls_alone_and_the_pooler_speaks_it(stage_2: Graph) -> None:
    (group,) = stage_2.of("rds/parameterGroup:ParameterGroup")
    forced = [each for each in group.inputs["parameters"] if each["name"] == "rds.force_ssl"]
    assert [each["value"] for each in forced] == ["1"]
    (host,) = [node for node in stage_2.nodes if node.type.endswith(":HostConfiguration")]
    settings = host.inputs["files"]["/etc/pgbouncer/settings.ini"]["content"]
    assert "\nserver_tls_sslmode = verify-full\n" in settings


def test_a_replica_is_as_private_as_its_primary_and_protects_nothing(stage_2: Graph) -> None:
    replica = stage_2.only(DATABASE, "-replica-1")
    assert replica.inputs["replicateSourceDb"] == "aws-stage2-database-1234567"
    assert replica.inputs["publiclyAccessible"] is False
    assert replica.inputs["storageEncrypted"] is True
    assert replica.inputs["skipFinalSnapshot"] is True
    assert replica.inputs["vpcSecurityGroupIds"] == ["aws-stage2-database-id"]
    assert "password" not in replica.inputs
    assert not replica.protect


@pytest.mark.parametrize(
    ("limit", "expected"), [(None, 100), ("50", 50), ("20", None)], ids=["default", "own", "none"]
)
def test_the_disk_grows_up_to_a_limit(limit: str | None, expected: int | None) -> None:
    values = {"database__storage_limit_gib": limit} if limit else {}
    assert primary(graph.of_stage(2, **values)).inputs.get("maxAllocatedStorage") == expected


def test_the_largest_disk_may_grow_to_what_rds_has() -> None:
    stack = primary(graph.of_stage(2, database__storage_gib="16384"))
    assert stack.inputs["maxAllocatedStorage"] == 65536


@pytest.mark.parametrize(
    ("gib", "expected"), [("399", (None, None)), ("400", (12000, 500)), ("2000", (12000, 500))]
)
def test_a_striped_disk_has_its_baseline(gib: str, expected: tuple[int | None, ...]) -> None:
    stack = graph.of_stage(2, database__storage_gib=gib, database__read_replicas=1)
    for node in stack.of(DATABASE):
        assert (node.inputs.get("iops"), node.inputs.get("storageThroughput")) == expected


def test_a_standby_is_a_setting() -> None:
    assert primary(graph.of_stage(2, database__standby="true")).inputs["multiAz"] is True


def test_a_database_is_in_the_servers_zone_and_never_replaced_for_it(stage_2: Graph) -> None:
    for node in stage_2.of(DATABASE):
        assert node.inputs["availabilityZone"] == "eu-central-1a"
        assert "availabilityZone" in node.ignored
    assert (
        stage_2.only("ec2/subnet:Subnet", "public-a").inputs["availabilityZone"] == "eu-central-1a"
    )


def test_with_a_standby_rds_chooses_the_zone() -> None:
    stack = primary(graph.of_stage(2, database__standby="true"))
    assert "availabilityZone" not in stack.inputs, "RDS refuses both"


# Everything


def test_no_secret_is_in_a_plain_input(either: Graph) -> None:
    for node in either.nodes:
        for key, value in node.inputs.items():
            if key not in node.secrets:
                assert "secret-of-" not in json.dumps(value), f"{node.name}: {key}"


def test_everything_that_can_be_tagged_is(either: Graph) -> None:
    without = {
        *("ec2/route:Route", "ec2/routeTableAssociation:RouteTableAssociation"),
        *(ATTACHMENT, ASSOCIATION, "iam/rolePolicy:RolePolicy"),
        *("iam/accessKey:AccessKey", "iam/userPolicy:UserPolicy"),
        "sns/topicSubscription:TopicSubscription",
        "ec2/defaultSecurityGroup:DefaultSecurityGroup",  # the rights to: test_escalation.py
    }
    stage = "1" if either.of(VOLUME) else "2"
    for node in either.nodes:
        if node.type.startswith(RULES_OF_A_BUCKET):
            continue
        if node.type.startswith("aws:") and node.type.removeprefix("aws:") not in without:
            tags = dict(node.inputs["tags"])
            assert tags.pop("Name") == node.name
            assert tags == {"project": "stages", "stack": f"aws-stage{stage}", "stage": stage}


def test_everything_is_in_the_region_and_asked_of_one_provider(either: Graph) -> None:
    (provider,) = [node for node in either.nodes if node.type == "pulumi:providers:aws"]
    assert provider.inputs["region"] == "eu-central-1"
    for node in either.nodes:
        if node.type.startswith("aws:"):
            assert node.provider.startswith(provider.urn), node.name
            if not node.type.startswith("aws:iam/"):
                assert node.inputs["region"] == "eu-central-1", node.name


def test_no_subnet_gives_addresses_out_by_itself(either: Graph) -> None:
    given = {node.inputs["mapPublicIpOnLaunch"] for node in either.of("ec2/subnet:Subnet")}
    assert given == {False}


def test_names_in_the_network_resolve_to_private_addresses(either: Graph) -> None:
    vpc = either.only("ec2/vpc:Vpc").inputs
    assert (vpc["enableDnsSupport"], vpc["enableDnsHostnames"]) == (True, True)


def test_disks_are_encrypted(either: Graph) -> None:
    root = either.only(SERVER).inputs["rootBlockDevice"]
    assert (root["encrypted"], root["volumeType"], root["volumeSize"]) == (True, "gp3", 20)
    assert root["deleteOnTermination"] is True, "nobody would find it again, and it is billed"
    assert either.only(SERVER).inputs["ebsOptimized"] is True
