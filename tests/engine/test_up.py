"""A stack comes up, in the right order, and a second ``up`` changes nothing."""

from __future__ import annotations

from planning.plan import plan_settings
from tests.engine.conftest import Standing
from tests.engine.provider import label
from tests.support.planned import RELEASE

ASSIGNMENTS = {"aws": "EipAssociation", "digitalocean": "ReservedIpAssignment"}


def test_every_resource_of_the_plan_is_made_once(standing: Standing) -> None:
    planned = [
        label(resource["urn"])
        for resource in plan_settings(standing.stack.settings(), RELEASE).resources
        if resource["custom"] and not resource["type"].startswith("pulumi:providers:")
    ]
    made = [name for what, name in standing.first_log if what == "create"]
    assert sorted(made) == sorted(planned)
    assert {what for what, _ in standing.first_log} == {"create", "configure", "serve"}


def test_the_address_moves_to_a_server_that_passed_the_readiness_check(standing: Standing) -> None:
    done = [what for what, _ in standing.first_log]
    names = [name.split()[0] for _, name in standing.first_log]
    cloud = standing.stack.settings().cloud
    assert done.index("configure") < names.index(ASSIGNMENTS[cloud])
    assert len(standing.stack.cloud.account.at_work) == 1


def test_a_second_up_changes_nothing(standing: Standing) -> None:
    seen = standing.stack.up()
    assert seen.changes() == set()
    assert standing.stack.cloud.log == []
    assert not seen.run.changes()
    assert seen.run.warnings == []
