"""What is protected stays until its user lets it go; then everything goes, in order."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pulumi.automation.errors import CommandError
from rich.console import Console

from components.clouds.aws.account import api
from components.seam.operations import Operations
from components.seam.provider import load
from scripts.lib import flows
from scripts.lib.session import Session
from tests.engine.conftest import Bring, Standing
from tests.engine.stack import EngineStack

BUCKET = {
    "Bucket backups-bucket",
    "BucketLifecycleConfiguration backups-bucket-lifecycle",
    "BucketOwnershipControls backups-bucket-owner",
    "BucketPolicy backups-bucket-tls",
    "BucketPublicAccessBlock backups-bucket-private",
    "BucketServerSideEncryptionConfiguration backups-bucket-encryption",
    "BucketVersioning backups-bucket-versions",
}
STAYS = {
    "aws-stage1": {
        *BUCKET,
        "Eip app-address",
        "Volume data",
    },
    "aws-stage2": {
        *BUCKET,
        "Eip app-address",
        "Instance database",
        "ParameterGroup database",  # not protected: the database needs it
        "SecurityGroup database",
        "Subnet private-a",
        "Subnet private-b",
        "SubnetGroup database",
        "Vpc vpc",
    },
    "digitalocean-stage1": {"ReservedIp app-address", "SpacesBucket backups-bucket", "Volume data"},
    "digitalocean-stage2": {
        "DatabaseCluster database",
        "DatabaseFirewall database-firewall",
        "ReservedIp app-address",
        "SpacesBucket backups-bucket",
        "Tag app-servers",
        "Vpc network",
    },
}


COSTS = {
    "aws-stage1": [
        "aws-stage1-app-address (Eip): $3.65 a month",
        "aws-stage1-data (Volume): $0.80 a month and what it uses",
        "together $4.45 a month",
    ],
    "aws-stage2": [
        "aws-stage2-app-address (Eip): $3.65 a month",
        "aws-stage2-database (Instance): $49.75 a month and what it uses",
        "together $53.40 a month",
    ],
    "digitalocean-stage1": [
        "digitalocean-stage1-app-address (ReservedIp): $5.00 a month",
        "digitalocean-stage1-backups-bucket (SpacesBucket): $5.00 a month and what it uses",
        "digitalocean-stage1-data (Volume): $1.00 a month and what it uses",
        "together $11.00 a month",
    ],
    "digitalocean-stage2": [
        "digitalocean-stage2-app-address (ReservedIp): $5.00 a month",
        "digitalocean-stage2-backups-bucket (SpacesBucket): $5.00 a month and what it uses",
        "digitalocean-stage2-database (DatabaseCluster): $60.90 a month",
        "together $70.90 a month",
    ],
}
"""What that costs, as ``make down`` says it."""


def session(stack: EngineStack, *, asks: bool = False) -> Session:
    """What a command works with; of a vendor's API, it asks what it must."""
    return Session(
        stack=stack.name,
        checkout=stack.checkout,
        settings=stack.settings(),
        engine=stack.new_engine(),
        operations=Operations(asks=asks, unlock=load(stack.settings().cloud).operations.unlock),
        screen=Console(file=io.StringIO(), width=200),
    )


class Rds:
    """The one question that a command asks of AWS on the way: the stand-in's databases hear it."""

    def __init__(self, stack: EngineStack) -> None:
        self.stack = stack

    def modify_db_instance(self, DBInstanceIdentifier: str, DeletionProtection: bool) -> None:
        for thing in self.stack.cloud.account.things.values():
            if thing.outputs.get("identifier") == DBInstanceIdentifier:
                thing.inputs["deletionProtection"] = DeletionProtection


def yes(_: str) -> bool:
    return True


def in_the_account(stack: EngineStack) -> set[str]:
    return {
        thing.name.replace(f"{stack.name}-", "") for thing in stack.cloud.account.things.values()
    }


def test_a_plain_destroy_refuses_and_does_nothing(standing: Standing) -> None:
    """``pulumi destroy``, which looks at the whole plan before it begins."""
    stack = standing.stack
    before = in_the_account(stack)
    with pytest.raises(CommandError) as refused:
        stack.pulumi("destroy", "--yes")
    assert "protect" in str(refused.value)
    assert stack.cloud.log == []
    assert in_the_account(stack) == before


def test_down_leaves_what_is_protected_for_an_up_or_for_good(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGES_STATE", "here")
    stack = standing.stack
    (server,) = stack.cloud.account.at_work
    leaving = session(stack, asks=True)
    flows.down(leaving, yes=True, ask=yes)
    assert in_the_account(stack) == STAYS[stack.name]
    assert isinstance(leaving.screen.file, io.StringIO)
    said = leaving.screen.file.getvalue().partition("These stay:")[2]
    priced = [line.strip() for line in said.splitlines() if " a month" in line]
    assert sorted(priced) == COSTS[stack.name]
    assert said.count("): ") == len(STAYS[stack.name])
    did = [what for what, _ in stack.cloud.log]
    gone = [name.split()[0] for _, name in stack.cloud.log]
    assert ("shutdown", server) in stack.cloud.log
    assert did.index("shutdown") < gone.index("Droplet" if "Droplet" in gone else "Instance")
    backups = {name for name in STAYS[stack.name] if "backups" in name}
    assert ("but for the backups, which WITH_BACKUPS=1 deletes too" in said) == bool(backups)
    data = set(stack.cloud.account.things)
    is_down = stack.moment()
    stack.up()
    assert data < set(stack.cloud.account.things)
    stack.back_to(is_down)
    monkeypatch.setattr(api, "client", lambda service, region: Rds(stack))
    flows.delete_data(session(stack))
    assert in_the_account(stack) == backups
    left = {resource.title for resource in stack.resources() if resource.is_real}
    secrets = f"{stack.name}-secrets (GeneratedSecrets)"  # which hold the passphrase
    assert (secrets in left) == bool(backups)
    assert len(left) == len(backups) + (1 if backups else 0)
    flows.delete_data(session(stack), with_backups=True)
    assert in_the_account(stack) == set()
    assert [resource for resource in stack.resources() if resource.is_real] == []


def test_a_stack_made_again_beside_its_backups_opens_them(bring: Bring) -> None:
    """The passphrase is in the state alone: it stays through ``down`` and ``delete-data``."""
    stack = bring("digitalocean-stage1").stack

    def passphrase() -> str:
        every = stack.new_engine().resources(show_secrets=True)
        (made,) = [
            resource
            for resource in every
            if resource.title == f"{stack.name}-secrets (GeneratedSecrets)"
        ]
        return str(made.state["outputs"]["values"])

    before = passphrase()
    flows.down(session(stack), yes=True, ask=yes)
    flows.delete_data(session(stack))
    stack.up()
    assert passphrase() == before


def test_the_default_vpc_of_a_region_is_left_in_place(bring: Bring) -> None:
    """DigitalOcean makes the first VPC of a region its default and refuses to delete it."""
    stack = bring("digitalocean-stage1").stack
    (vpc,) = [t for t in stack.cloud.account.things.values() if t.type.endswith(":Vpc")]
    vpc.inputs["deletionProtection"] = True  # how the stand-in refuses

    def opened() -> Session:
        def undeletable(resources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
            return {
                resource["urn"]: "it is the default"
                for resource in resources
                if resource["id"] == vpc.id
            }

        hooked = Operations(asks=False, undeletable=undeletable)
        return dataclasses.replace(session(stack), operations=hooked)

    flows.down(opened(), yes=True, ask=yes)
    assert in_the_account(stack) == {*STAYS["digitalocean-stage1"], "Vpc network"}
    stack.up()
    assert vpc.id in stack.cloud.account.things
    flows.down(opened(), yes=True, ask=yes)
    flows.delete_data(opened())
    assert in_the_account(stack) == {"SpacesBucket backups-bucket", "Vpc network"}
    stack.up()
    assert vpc.id in stack.cloud.account.things


def test_without_protection_a_destroy_takes_everything(standing: Standing) -> None:
    stack = standing.stack
    stack.wish(data__protected=False)
    stack.up()
    stack.pulumi("destroy", "--yes")
    assert in_the_account(stack) == set()
    assert stack.resources() == []
    # The database goes with its firewall: without one it is open (docs/facts/digitalocean.md 38).
    assert not [name for _, name in stack.cloud.log if name.startswith("DatabaseFirewall")]
