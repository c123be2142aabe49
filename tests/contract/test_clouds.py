"""What every cloud must do, as far as it can be asked without making anything.

A new folder in ``components/clouds`` is taken without a change here. Whether a server, a volume or
a database keeps its promise is shown per cloud: on real hosts for ``local``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from components import settings
from components.cloud_names import cloud_names
from components.errors import UserError
from components.host import memory
from components.host.pool import BACKUPS, pool_sizes
from components.seam.cloud import Cloud
from components.seam.provider import load
from components.settings import Settings, Stage, stacks

PROJECT = Path(__file__).parents[2]
FOLDERS = PROJECT / "components" / "clouds"


def own_settings(name: str, stage: Stage) -> Settings:
    """Return the settings of the stack file that comes with a cloud."""
    file = PROJECT / "stacks" / f"Pulumi.{name}-stage{stage}.yaml"
    return settings.read(f"{name}-stage{stage}", stacks.values(file, file.name))


@pytest.fixture(params=cloud_names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[1, 2])
def stage(request: pytest.FixtureRequest) -> Stage:
    return 2 if request.param == 2 else 1


@pytest.fixture
def cloud(name: str, stage: Stage) -> Cloud:
    return load(name).cloud(own_settings(name, stage))


def test_it_knows_its_name(cloud: Cloud, name: str) -> None:
    assert cloud.name == name
    assert cloud.knows_host_keys in {True, False}


def test_the_default_server_of_each_stage_holds_what_the_stage_puts_on_it(
    cloud: Cloud, stage: Stage
) -> None:
    plan = cloud.server_plan(cloud.default_server_plan(stage))
    assert plan.name == cloud.default_server_plan(stage)
    assert plan.vcpus >= 1
    assert plan.disk_gib >= 8
    shares = memory.shares(plan.memory_mib, database_here=stage == 1)
    assert min(shares.web_mib, shares.worker_mib) >= 128, "Django and a worker need more"


def test_the_default_database_has_room_for_a_pool(cloud: Cloud) -> None:
    plan = cloud.database_plan(cloud.default_database_plan())
    assert plan.name == cloud.default_database_plan()
    limit, reserved = plan.connection_limit, plan.reserved_connections
    sizes = pool_sizes(limit=limit, reserved=reserved, wanted=None, backups=BACKUPS)
    assert sizes.total + BACKUPS <= plan.connection_limit - plan.reserved_connections


def test_an_unknown_plan_is_refused_with_those_that_exist(cloud: Cloud, stage: Stage) -> None:
    with pytest.raises(UserError) as caught:
        cloud.server_plan("no-such-plan")
    assert str(caught.value).startswith("stages:server.plan: should be one of ")
    assert cloud.default_server_plan(stage) in str(caught.value)
    assert "got 'no-such-plan'" in str(caught.value)
    with pytest.raises(UserError) as caught:
        cloud.database_plan("no-such-plan")
    assert str(caught.value).startswith("stages:database.plan: should be one of ")
    assert cloud.default_database_plan() in str(caught.value)
    assert "got 'no-such-plan'" in str(caught.value)


def test_its_power_is_asked_without_an_sdk(name: str) -> None:
    """The host configuration asks it in a process of its own, once for each server."""
    code = (
        "import json, sys; from components.seam.provider import load;"
        f"power = load({name!r}).power;"
        "print(json.dumps([callable(power.server_state), sorted(sys.modules)]))"
    )
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    there, modules = json.loads(done.stdout)
    assert there
    assert not [module for module in modules if module.startswith(("pulumi_", "boto3"))]


def test_it_says_what_was_never_run(name: str) -> None:
    assert (FOLDERS / name / "README.md").exists()
