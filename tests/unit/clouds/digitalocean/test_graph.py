"""What the program asks of DigitalOcean; each test carries the number of the fact it is about.

The numbers are those of the project's list of cloud facts. The resource classes are the SDK's own,
the engine is a recorder: these tests show what is asked for, not that DigitalOcean agrees.
"""

from __future__ import annotations

import inspect

import pulumi_digitalocean as digitalocean
import pytest

from components.clouds.digitalocean.resources.names import fingerprint
from planning.plan import Plan
from tests.support.planned import needed_by, of_type, only, planned, settled, stack_values

STAGE_1 = "digitalocean-stage1"
STAGE_2 = "digitalocean-stage2"
HOLDS_DATA = (":Volume", ":ReservedIp", ":DatabaseCluster", ":DatabaseFirewall")


@pytest.fixture(scope="module")
def stage_1() -> Plan:
    return planned(STAGE_1)


@pytest.fixture(scope="module")
def stage_2() -> Plan:
    return planned(STAGE_2, database__standby=True, database__read_replicas=2)


def test_fact_1_names_are_generated(stage_1: Plan, stage_2: Plan) -> None:
    """With a name of its own a resource goes before its replacement comes."""
    named = [
        resource["name"]
        for plan in (stage_1, stage_2)
        for resource in plan.resources
        if resource["type"].startswith("digitalocean:") and "name" in resource["inputs"]
    ]
    assert named == []


def test_fact_1_what_holds_data_or_an_address_is_protected(stage_1: Plan, stage_2: Plan) -> None:
    for plan in (stage_1, stage_2):
        held = [resource for type_ in HOLDS_DATA for resource in of_type(plan, type_)]
        unprotected = [each["name"] for each in held if not each.get("protect")]
        # A replica is a copy: it may go, and the firewall that goes with it.
        assert unprotected == [name for name in unprotected if "replica" in name], unprotected
    assert only(stage_2, ":Vpc")["protect"]


def test_fact_1_a_protected_resource_needs_nothing_that_down_takes_away(
    stage_1: Plan, stage_2: Plan
) -> None:
    for plan in (stage_1, stage_2):
        custom = {each["urn"]: each for each in plan.resources if each["custom"]}
        for resource in custom.values():
            if resource.get("protect"):
                needs = needed_by(plan, resource) & custom.keys()
                assert [
                    custom[urn]["name"] for urn in needs if not custom[urn].get("protect")
                ] == []


def test_one_loud_setting_protects_nothing() -> None:
    for stack in (STAGE_1, STAGE_2):
        plan = planned(stack, data__protected=False)
        assert [each["name"] for each in plan.resources if each.get("protect")] == []


def test_fact_2_digitalocean_has_no_deletion_protection_of_its_own() -> None:
    """What the README says, as long as it is true: then there is more to set."""
    kinds = (
        digitalocean.DatabaseCluster,
        digitalocean.Droplet,
        digitalocean.Volume,
        digitalocean.ReservedIp,
    )
    for kind in kinds:
        names = inspect.signature(kind._internal_init).parameters
        assert [name for name in names if "protect" in name or "termination" in name] == []


def test_fact_4_a_stack_that_changes_its_stage_is_refused_by_its_protected_volume() -> None:
    """Stage 2 knows no volume, so the engine would delete it: protection is what stops that."""
    values = stack_values(STAGE_1)
    before = only(planned("shop", values), ":Volume")
    after = planned("shop", values | {"stage": "2"})
    assert before["urn"] not in {resource["urn"] for resource in after.resources}
    assert before["protect"]


def test_fact_5_an_image_may_be_named_and_a_new_one_replaces_nothing(stage_1: Plan) -> None:
    assert only(stage_1, ":Droplet")["inputs"]["image"] == "debian-13-x64"
    assert "image" in only(stage_1, ":Droplet")["ignoreChanges"]
    own = planned(STAGE_1, server__image="194432107")
    assert only(own, ":Droplet")["inputs"]["image"] == "194432107"


def test_fact_25_a_droplet_has_at_birth_what_would_replace_it_later(stage_1: Plan) -> None:
    droplet = only(stage_1, ":Droplet")
    assert droplet["inputs"]["monitoring"] is True
    assert droplet["inputs"]["dropletAgent"] is False
    assert droplet["inputs"]["sshKeys"]
    assert "ipv6" not in droplet["inputs"]
    assert set(droplet["ignoreChanges"]) == {"image", "sshKeys", "userData"}


def test_fact_25_a_disk_is_never_grown_and_a_droplet_is_shut_down(
    stage_1: Plan, stage_2: Plan
) -> None:
    for plan in (stage_1, stage_2):
        assert only(plan, ":Droplet")["inputs"]["resizeDisk"] is False
        assert only(plan, ":Droplet")["inputs"]["gracefulShutdown"] is True


def test_fact_26_the_cluster_keeps_to_the_account_s_default_project(stage_2: Plan) -> None:
    assert "projectId" not in only(stage_2, ":DatabaseCluster")["inputs"]


def test_fact_27_the_database_admits_the_tag_of_the_stack_s_droplets_alone() -> None:
    made = settled(STAGE_2, database__read_replicas=2).plan
    tag = f"{STAGE_2}-app-servers-0a1b2c3"
    firewalls = of_type(made, ":DatabaseFirewall")
    assert len(firewalls) == 3
    for firewall in firewalls:
        assert firewall["inputs"]["rules"] == [{"type": "tag", "value": tag}]
    assert tag in only(made, ":Droplet")["inputs"]["tags"]
    assert len({firewall["inputs"]["clusterId"] for firewall in firewalls}) == 3


def test_fact_27_nothing_learns_of_the_database_before_it_is_closed(stage_2: Plan) -> None:
    firewall = only(stage_2, ":DatabaseFirewall", "-database-firewall")
    assert firewall["urn"] in needed_by(stage_2, only(stage_2, ":HostConfiguration"))
    for replica in of_type(stage_2, ":DatabaseReplica"):
        assert firewall["urn"] in replica["dependencies"]


def test_fact_27_the_cloud_firewall_lets_out_and_stands_before_the_droplet(stage_1: Plan) -> None:
    firewall = only(stage_1, ":Firewall")
    everywhere = ["0.0.0.0/0", "::/0"]
    assert firewall["inputs"]["outboundRules"] == [
        {"protocol": "tcp", "portRange": "all", "destinationAddresses": everywhere},
        {"protocol": "udp", "portRange": "all", "destinationAddresses": everywhere},
        {"protocol": "icmp", "destinationAddresses": everywhere},
    ]
    assert firewall["urn"] in only(stage_1, ":Droplet")["dependencies"]


def test_the_cloud_firewall_lets_in_the_web_and_ssh_from_the_settings_alone() -> None:
    plan = planned(STAGE_1, access__ssh_cidrs=["203.0.113.0/24", "2001:db8::/48"])
    rules = only(plan, ":Firewall")["inputs"]["inboundRules"]
    assert [(rule["protocol"], rule["portRange"], rule["sourceAddresses"]) for rule in rules] == [
        ("tcp", "22", ["203.0.113.0/24", "2001:db8::/48"]),
        ("tcp", "80", ["0.0.0.0/0", "::/0"]),
        ("tcp", "443", ["0.0.0.0/0", "::/0"]),
    ]


def test_the_firewall_means_the_droplets_of_this_stack_alone() -> None:
    """A label on a firewall or an alert would say which Droplets it is for."""
    made = settled(STAGE_2, alarms__email="ops@example.com").plan
    tag = f"{STAGE_2}-app-servers-0a1b2c3"
    assert only(made, ":Firewall")["inputs"]["tags"] == [tag]
    alerts = of_type(made, ":MonitorAlert")
    assert {str(alert["inputs"].get("tags")) for alert in alerts} == {"None", f"['{tag}']"}


def test_fact_28_a_vpc_waits_for_its_members_to_go(stage_1: Plan, stage_2: Plan) -> None:
    for plan, cidr in ((stage_1, "10.81.0.0/24"), (stage_2, "10.82.0.0/24")):
        vpc = only(plan, ":Vpc")
        assert vpc["customTimeouts"] == {"delete": "15m"}
        assert vpc["inputs"]["ipRange"] == cidr
        assert only(plan, ":Droplet")["propertyDependencies"]["vpcUuid"] == [vpc["urn"]]
    cluster = only(stage_2, ":DatabaseCluster")
    assert cluster["propertyDependencies"]["privateNetworkUuid"] == [only(stage_2, ":Vpc")["urn"]]


def test_fact_29_the_pooler_uses_the_private_host_and_its_port() -> None:
    made = settled(STAGE_2).plan
    host = f"made-up-{STAGE_2}-database.privateHost"
    assert made.outputs["database_host"] == host
    inputs = settled(STAGE_2).open_inputs[f"{STAGE_2}-app-host"]
    assert inputs["database_secrets"]["connection"]["PGHOST"] == host
    assert inputs["database_secrets"]["connection"]["PGPORT"] == "4711", "the cluster's own output"
    assert inputs["database_secrets"]["connection"]["PGUSER"] == f"made-up-{STAGE_2}-database.user"


def test_fact_30_role_and_database_are_made_by_the_host_configuration(stage_2: Plan) -> None:
    """What the API makes belongs to doadmin; as its user the app has no rights on the schema."""
    assert of_type(stage_2, ":DatabaseDb") == of_type(stage_2, ":DatabaseUser") == []
    host = only(stage_2, ":HostConfiguration")
    assert host["inputs"]["database"] == {"run_as": "root"}
    assert (
        only(stage_2, ":DatabaseCluster")["urn"] in host["propertyDependencies"]["database_secrets"]
    )


def test_fact_31_disks_are_whole_steps_and_never_less_than_the_plan_includes() -> None:
    def disk(plan: str, wanted_gib: int) -> str:
        made = planned(STAGE_2, database__plan=plan, database__storage_gib=wanted_gib)
        return str(only(made, ":DatabaseCluster")["inputs"]["storageSizeMib"])

    assert disk("db-s-1vcpu-1gb", 10) == str(10 * 1024)
    assert disk("db-s-1vcpu-2gb", 10) == str(30 * 1024)
    assert disk("db-s-1vcpu-2gb", 31) == str(40 * 1024)


def test_fact_32_keys_are_those_the_account_has_by_fingerprint() -> None:
    # The fingerprint is what `ssh-keygen -l -E md5` says.
    key = (
        "ssh-ed25519"
        " AAAAC3NzaC1lZDI1NTE5AAAAIHMakvSuKQ4Au7AMwwflNR7j9B33LGAPYoCi6MoWSr9k you@laptop"
    )
    plan = planned(STAGE_1, access__ssh_keys=[key])
    assert only(plan, ":Droplet")["inputs"]["sshKeys"] == [fingerprint(key)]
    assert fingerprint(key) == "b6:88:57:45:fc:6c:07:81:ff:bf:04:2d:09:54:5f:92"
    assert of_type(plan, ":SshKey") == []


def test_fact_33_the_reserved_ip_names_no_droplet(stage_1: Plan) -> None:
    assert only(stage_1, ":ReservedIp")["inputs"] == {"region": "fra1"}
    assert set(only(stage_1, ":ReservedIpAssignment")["inputs"]) == {"ipAddress", "dropletId"}


def test_fact_37_the_address_waits_for_the_gate_and_the_gate_for_the_volume(stage_1: Plan) -> None:
    host = only(stage_1, ":HostConfiguration")
    assert only(stage_1, ":ReservedIpAssignment")["propertyDependencies"]["dropletId"] == [
        host["urn"]
    ]
    attachment = only(stage_1, ":VolumeAttachment")
    assert host["propertyDependencies"]["attachment_id"] == [attachment["urn"]]
    assert only(stage_1, ":Droplet")["urn"] in host["propertyDependencies"]["server_id"]


def test_fact_37_with_a_volume_the_old_droplet_goes_first(stage_1: Plan, stage_2: Plan) -> None:
    for type_ in (":Droplet", ":VolumeAttachment", ":ReservedIpAssignment"):
        assert only(stage_1, type_)["deleteBeforeReplace"], type_
    for type_ in (":Droplet", ":ReservedIpAssignment"):
        assert "deleteBeforeReplace" not in only(stage_2, type_), type_


def test_fact_38_a_database_s_firewall_goes_with_it_and_never_before(stage_2: Plan) -> None:
    cluster = only(stage_2, ":DatabaseCluster")
    firewall = only(stage_2, ":DatabaseFirewall", "-database-firewall")
    assert firewall["deletedWith"] == cluster["urn"]
    assert firewall["protect"]
    for number in (1, 2):
        replica = only(stage_2, ":DatabaseReplica", f"-replica-{number}")
        assert (
            only(stage_2, ":DatabaseFirewall", f"-replica-{number}-firewall")["deletedWith"]
            == (replica["urn"])
        )


def test_fact_39_a_new_size_is_a_new_droplet_and_no_cut_of_power(
    stage_1: Plan, stage_2: Plan
) -> None:
    for plan in (stage_1, stage_2):
        assert only(plan, ":Droplet")["replaceOnChanges"] == ["size"]


def test_fact_39_a_standby_is_a_node_of_the_same_cluster(stage_2: Plan) -> None:
    assert only(stage_2, ":DatabaseCluster")["inputs"]["nodeCount"] == 2
    alone = planned(STAGE_2, database__standby=False)
    assert only(alone, ":DatabaseCluster")["inputs"]["nodeCount"] == 1
    same = {"replaceOnChanges", "replacementTrigger"}
    assert not same & only(stage_2, ":DatabaseCluster").keys()


def test_fact_40_the_vendor_s_password_stays_secret() -> None:
    made = settled(STAGE_2)
    password = made.secrets[f"{STAGE_2}-database.password"]
    inputs = made.open_inputs[f"{STAGE_2}-app-host"]
    assert inputs["database_secrets"]["connection"]["PGPASSWORD"] == password, "not one of ours"
    assert password not in made.plan.json()
    assert only(made.plan, ":HostConfiguration")["inputs"]["database_secrets"] == "[secret]"


def test_a_new_generation_replaces_the_droplet() -> None:
    plan = planned(STAGE_2, server__generation=7)
    assert only(plan, ":Droplet")["replacementTrigger"] == "7"


def test_a_droplet_sees_its_volume_by_the_volume_s_generated_name() -> None:
    boot_document = settled(STAGE_1).open_inputs[f"{STAGE_1}-app-server"]["userData"]
    assert f"What=/dev/disk/by-id/scsi-0DO_Volume_{STAGE_1}-data-0a1b2c3\n" in boot_document


def test_everything_that_can_carries_project_stack_and_stage() -> None:
    made = settled(STAGE_2, database__read_replicas=1).plan
    for type_ in (":Droplet", ":DatabaseCluster", ":DatabaseReplica"):
        labels = {"project:stages", f"stack:{STAGE_2}", "stage:2"}
        assert labels <= set(only(made, type_)["inputs"]["tags"]), type_
    volume = only(settled(STAGE_1).plan, ":Volume")
    assert volume["inputs"]["tags"] == ["project:stages", f"stack:{STAGE_1}", "stage:1"]


def test_alarms_are_made_with_an_address_and_not_without(stage_2: Plan) -> None:
    assert of_type(stage_2, ":MonitorAlert") == []
    alarmed = planned(STAGE_2, alarms__email="ops@example.com")
    alerts = {alert["name"]: alert["inputs"] for alert in of_type(alarmed, ":MonitorAlert")}
    assert {
        name.removeprefix(f"{STAGE_2}-"): inputs["value"] for name, inputs in alerts.items()
    } == {
        "alarm-cpu": 75,
        "alarm-memory": 90,
        "alarm-disk": 80,
        "database-alarm-cpu": 75,
        "database-alarm-memory": 90,
        "database-alarm-disk": 80,
    }
    for inputs in alerts.values():
        assert inputs["alerts"] == {"emails": ["ops@example.com"]}
        assert inputs["window"] in {"5m", "10m", "30m", "1h"}
    assert len(of_type(planned(STAGE_1, alarms__email="ops@example.com"), ":MonitorAlert")) == 3


def test_the_maintenance_window_is_the_settings_one() -> None:
    plan = planned(STAGE_2, database__maintenance_day="tuesday", database__maintenance_hour=3)
    assert only(plan, ":DatabaseCluster")["inputs"]["maintenanceWindows"] == [
        {"day": "tuesday", "hour": "03:00"}
    ]
