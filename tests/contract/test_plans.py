"""What every stack promises, whatever its cloud: one body over all clouds and stages.

Read from the offline plan, and from the plan in which everything is there, so that what is
computed late is computed. A new folder in ``components/clouds`` with its two stack files and a
``known/topology.py`` is taken without a change here. What a cloud would make of it is not shown.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import pulumi
import pytest

from components import outputs
from components.cloud_names import cloud_names
from components.host import app, pgbouncer
from components.resources.secrets import GeneratedSecrets
from components.seam.cloud import (
    BucketAnswer,
    BucketNeeds,
    Cloud,
    DatabaseAnswer,
    DatabaseNeeds,
    Guarantee,
    NetworkAnswer,
    NetworkNeeds,
    VolumeAnswer,
    VolumeNeeds,
)
from components.seam.provider import load
from components.seam.topology import INTERNET, Picture
from components.settings import Settings, Stage
from planning import topology_svg
from planning.plan import Plan, plan_settings
from tests.contract.test_clouds import own_settings
from tests.support import authorities, planned
from tests.support.planned import RELEASE, Settled, needed_by

ALWAYS = {
    outputs.URL,
    outputs.ADDRESS,
    outputs.STAGE,
    outputs.CLOUD,
    outputs.REVISION,
    outputs.SERVER_ID,
    outputs.SSH_HOST,
    outputs.SSH_USER,
    outputs.SSH_HOST_KEY,
}
STACKS = [(name, stage) for name in cloud_names() for stage in (1, 2)]
WEB_PORTS = {"80", "443"}


@pytest.fixture(
    params=STACKS, ids=[f"{name}-stage{stage}" for name, stage in STACKS], scope="module"
)
def stack(request: pytest.FixtureRequest) -> tuple[str, Stage]:
    name, stage = request.param
    return name, stage


@pytest.fixture(params=cloud_names(), scope="module")
def cloud(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def plan(stack: tuple[str, Stage]) -> Plan:
    return plan_settings(own_settings(*stack), RELEASE)


@pytest.fixture(scope="module")
def settled(stack: tuple[str, Stage]) -> Iterator[Settled]:
    with authorities.known(own_settings(*stack).region or "us-east-1"):
        yield planned.settled(f"{stack[0]}-stage{stack[1]}")


@pytest.fixture(scope="module")
def picture(plan: Plan) -> Picture:
    return topology_svg.picture_of(plan)


def test_the_outputs_have_the_same_names(plan: Plan, stack: tuple[str, Stage]) -> None:
    own_key = {outputs.SSH_PRIVATE_KEY} if stack[0] == "local" else set()
    database = {outputs.DATABASE_HOST, outputs.UPSTREAM} if stack[1] == 2 else set()
    assert set(plan.outputs) - {outputs.DATABASE_HOST} == (ALWAYS | own_key | database) - {
        outputs.DATABASE_HOST
    }
    assert set(plan.outputs) >= database
    assert plan.outputs[outputs.CLOUD] == stack[0]
    assert plan.outputs[outputs.STAGE] == stack[1]


def test_no_database_is_within_reach_of_the_outside(picture: Picture) -> None:
    outside = {node.id for node in picture.by_kind("outside")}
    databases = {node.id for node in picture.by_kind("database")}
    assert [flow for flow in picture.flows if flow.target in databases & outside] == []
    reached = [flow for flow in picture.flows if flow.target in databases]
    assert [flow for flow in reached if flow.source in outside] == []


def test_a_database_is_reached_by_the_app_servers_alone(
    picture: Picture, stack: tuple[str, Stage]
) -> None:
    servers = {node.id for node in picture.by_kind("server")}
    databases = {node.id for node in picture.by_kind("database")}
    assert len(databases) == stack[1] - 1
    reached = [flow for flow in picture.flows if flow.target in databases]
    assert {flow.source for flow in reached} == (servers if databases else set())
    assert all(len(flow.ports) == 1 and flow.ports[0].isdigit() for flow in reached)


def test_servers_and_databases_stand_in_the_private_network(picture: Picture) -> None:
    (network,) = picture.by_kind("network")
    inside = [*picture.by_kind("server"), *picture.by_kind("database")]
    assert {node.inside for node in inside} == {network.id}


def test_the_world_reaches_the_web_ports_of_the_address_and_nothing_else(picture: Picture) -> None:
    (address,) = picture.by_kind("address")
    assert [
        (flow.target, set(flow.ports)) for flow in picture.flows if flow.source == INTERNET
    ] == [(address.id, WEB_PORTS)]


def test_ssh_is_open_to_the_networks_in_settings_alone(
    picture: Picture, stack: tuple[str, Stage]
) -> None:
    allowed = own_settings(*stack).access.ssh_cidrs
    ssh = [flow for flow in picture.flows if "22" in flow.ports]
    assert {flow.source for flow in ssh} == {picture.outside(allowed)}
    assert {flow.ports for flow in ssh} == {("22",)}


def test_data_and_address_are_protected(plan: Plan, picture: Picture) -> None:
    kept = {resource["urn"] for resource in plan.resources if resource.get("protect")}
    held = {node.id for node in [*picture.by_kind("volume"), *picture.by_kind("database")]}
    # A database host without data of its own goes with `down`: its volume is what stays.
    around = {node.inside for node in picture.by_kind("volume")}
    assert held - around - kept == set()
    assert held & kept


def test_what_down_leaves_holds_no_server_and_no_address_that_points_to_one(
    plan: Plan, picture: Picture
) -> None:
    """The engine leaves what is protected and all that it needs."""
    protected = [resource for resource in plan.resources if resource.get("protect")]
    stays = {urn for resource in protected for urn in needed_by(plan, resource)}
    servers = {node.id for node in picture.by_kind("server")}
    hosts = {
        resource["urn"]
        for resource in plan.resources
        if resource["type"].endswith(":HostConfiguration")
    }
    assert stays & (servers | hosts) == set()


def test_no_secret_is_in_a_plain_input(settled: Settled) -> None:
    document = settled.plan.json()
    assert settled.secrets
    assert [where for where, secret in settled.secrets.items() if secret in document] == []


def test_the_boot_document_holds_no_secret_but_the_one_use_host_key(settled: Settled) -> None:
    """Every process on a server may be able to read it."""
    (boot_document,) = [
        text
        for inputs in settled.open_inputs.values()
        for key, text in inputs.items()
        if key in {"userData", "user_data", "userDataBase64"} and text
    ]
    there = [where for where, secret in settled.secrets.items() if secret in boot_document]
    assert [where for where in there if not where.endswith("-first-contact-key.private")] == []


def test_names_are_unique(plan: Plan) -> None:
    """A URN holds the types of the parents and not their names (pulumi/pulumi#837)."""
    assert [
        urn
        for urn, count in Counter(resource["urn"] for resource in plan.resources).items()
        if count > 1
    ] == []
    names = Counter((resource["type"], resource["name"]) for resource in plan.resources)
    assert [name for name, count in names.items() if count > 1] == []


def test_two_stacks_of_one_cloud_share_no_name(stack: tuple[str, Stage]) -> None:
    name, stage = stack
    values = planned.stack_values(f"{name}-stage{stage}")
    other = planned.planned(f"{name}-stage{stage}-test", values)
    own = {resource["name"] for resource in planned.planned(f"{name}-stage{stage}").resources}
    assert {resource["name"] for resource in other.resources} & own == set()


def test_a_cloud_used_twice_in_one_program_does_not_collide(
    stack: tuple[str, Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As two products in one stack would: the same stage under two names."""
    from components import program
    from components.stages.separate_database import SeparateDatabase
    from components.stages.single_server import SingleServer

    def twice(chosen: Settings, resolved: object) -> None:
        made = load(chosen.cloud).cloud(chosen)
        for name in (f"{chosen.stack}-red", f"{chosen.stack}-blue"):
            if chosen.stage == 1:
                SingleServer(name, made, chosen, RELEASE)
            else:
                SeparateDatabase(name, made, chosen, RELEASE)
        pulumi.export(outputs.CLOUD, chosen.cloud)

    monkeypatch.setattr(program, "declare", twice)
    both = plan_settings(own_settings(*stack), RELEASE)
    red = [resource for resource in both.resources if "-red" in resource["name"]]
    blue = [resource for resource in both.resources if "-blue" in resource["name"]]
    assert len(red) == len(blue) > 5
    crossed = [
        resource["name"]
        for resource in red
        if any("-blue" in urn for urn in needed_by(both, resource))
    ]
    assert crossed == []


def test_the_default_ranges_of_the_stages_differ(cloud: str) -> None:
    first, second = (own_settings(cloud, stage).network.cidr for stage in (1, 2))
    assert first != second


def test_a_changed_boot_document_or_image_replaces_no_server(plan: Plan, picture: Picture) -> None:
    (server,) = [
        resource
        for resource in plan.resources
        if resource["urn"] == picture.by_kind("server")[0].id
    ]
    late = {"userData", "user_data", "ami", "image"} & server["inputs"].keys()
    assert late <= set(server.get("ignoreChanges", ())) or server["type"].startswith(
        "pulumi-python:"
    )
    assert server.get("replacementTrigger") or server["inputs"].get("generation")


def test_the_address_moves_after_the_readiness_check(plan: Plan, picture: Picture) -> None:
    (host,) = [
        resource for resource in plan.resources if resource["type"].endswith(":HostConfiguration")
    ]
    (server,) = picture.by_kind("server")
    assert server.id in needed_by(plan, host)
    moves = [
        resource
        for resource in plan.resources
        for urns in resource.get("propertyDependencies", {}).values()
        if host["urn"] in urns
    ]
    assert moves, "something takes its server from the host configuration"


GUARANTEES = {"encrypted_at_rest", "backed_up", "standby"}


def guarantees(cloud: str, monkeypatch: pytest.MonkeyPatch, **more: object) -> dict[str, Guarantee]:
    """What a cloud's answers say of a volume, a database and a bucket, as plain values."""
    from components import program

    chosen = planned._read(f"{cloud}-stage2", None, more)
    stated: dict[str, Guarantee] = {}

    def ask(settings: Settings, _resolved: object) -> None:
        parent = pulumi.ComponentResource("stages:contract:Asked", "asked")
        made = load(settings.cloud).cloud(settings)
        needs = VolumeNeeds(size_gib=10, protected=True)
        stated.update(_stated("volume", made.volume("asked-disk", needs, parent=parent)))
        network = _network(made, settings, parent)
        stated.update(_stated("database", _database(made, settings, network, parent)))
        for name, locked in (("bucket", False), ("locked bucket", True)):
            wish = BucketNeeds(retention_days=30, locked=locked, protected=True)
            bucket = made.bucket(name.replace(" ", "-"), wish, network, parent=parent)
            stated.update(_stated(name, bucket))
        pulumi.export(outputs.CLOUD, settings.cloud)

    monkeypatch.setattr(program, "declare", ask)
    plan_settings(chosen, RELEASE)
    return stated


def _network(cloud: Cloud, settings: Settings, parent: pulumi.Resource) -> NetworkAnswer:
    return cloud.network(
        "asked",
        NetworkNeeds(
            cidr=settings.network.cidr,
            private_database=True,
            ssh_cidrs=settings.access.ssh_cidrs,
        ),
        parent=parent,
    )


def _database(
    cloud: Cloud, settings: Settings, network: NetworkAnswer, parent: pulumi.Resource
) -> DatabaseAnswer:
    secrets = GeneratedSecrets("asked-secrets", ("admin",))
    needs = DatabaseNeeds(
        plan=settings.database.plan or cloud.default_database_plan(),
        version=settings.database.version,
        storage_gib=settings.database.storage_gib,
        standby=settings.database.standby,
        read_replicas=0,
        protected=True,
        admin_password=secrets.value("admin"),
    )
    return cloud.database("asked", needs, network, parent=parent)


def _stated(of: str, answer: VolumeAnswer | DatabaseAnswer | BucketAnswer) -> dict[str, Guarantee]:
    return {
        f"{of} {field.name}": getattr(answer, field.name)
        for field in fields(answer)
        if isinstance(getattr(answer, field.name), Guarantee)
    }


def test_every_guarantee_is_stated_as_a_plain_value_with_its_reason(
    cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = guarantees(cloud, monkeypatch)
    assert stated.keys() == {
        "volume encrypted_at_rest",
        "volume backed_up",
        "database encrypted_at_rest",
        "database backed_up",
        "database standby",
        *(
            f"{bucket} {promise}"
            for bucket in ("bucket", "locked bucket")
            for promise in ("encrypted_at_rest", "versions_kept", "locked")
        ),
    }
    for name, guarantee in stated.items():
        assert isinstance(guarantee.kept, bool), name
        assert len(guarantee.reason) > 10, f"{name}: how it is kept, or why it is not"
    assert stated["database standby"].kept is False, "the stack files ask for none"
    assert stated["bucket locked"].kept is False, "none was asked for"
    assert stated["locked bucket locked"].kept is (cloud != "digitalocean"), "Spaces has no lock"
    assert stated["bucket versions_kept"].kept is (cloud != "digitalocean"), "nor such keys"


def test_a_standby_is_stated_where_it_is_offered_and_refused_where_not(
    cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from components.errors import UserError

    chosen = own_settings(cloud, 2)
    made = load(cloud).cloud(chosen)
    offered = made.database_plan(
        chosen.database.plan or made.default_database_plan()
    ).standby_offered
    if offered:
        assert guarantees(cloud, monkeypatch, database__standby=True)["database standby"].kept
    else:
        with pytest.raises(UserError) as error:
            guarantees(cloud, monkeypatch, database__standby=True)
        assert "stages:database.standby: should be false" in str(error.value)


def test_read_replicas_reach_the_app_by_the_pooler(cloud: str) -> None:
    """Every cloud's answer names them all; without any there is no such variable."""
    chosen = own_settings(cloud, 2)
    with authorities.known(chosen.region or "us-east-1"):
        with_two = planned.settled(f"{cloud}-stage2", database__read_replicas=2).open_inputs
        without = planned.settled(f"{cloud}-stage2").open_inputs
    files, none = (next(_secret_files(inputs)) for inputs in (with_two, without))
    (line,) = re.findall(r"^app_read = .*$", files[pgbouncer.DATABASES]["content"], re.MULTILINE)
    hosts = re.findall(r" host=(\S+)", line)[0].split(",")
    assert len(hosts) == 2
    environment = files[app.ENVIRONMENT]["content"]
    assert re.search(
        r'^READ_DATABASE_URL="postgresql://app:\S+@127.0.0.1:6432/app_read"$', environment, re.M
    )
    assert "app_read" not in none[pgbouncer.DATABASES]["content"]
    assert "READ_DATABASE_URL" not in none[app.ENVIRONMENT]["content"]


def _secret_files(inputs: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for values in inputs.values():
        if values.get("secret_files"):
            yield values["secret_files"]


def test_the_plan_of_a_stack_is_one_document(plan: Plan) -> None:
    assert json.loads(plan.json())["stack"] == plan.stack
