"""A creation fails, or the user stops the run: the next ``up`` goes on, and makes nothing twice."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from pulumi.automation.errors import CommandError

from components import outputs
from components.errors import Interrupted
from planning.plan import plan_settings
from tests.engine.cloud import SERVERS
from tests.engine.conftest import Bring
from tests.engine.provider import label
from tests.engine.stack import EngineStack
from tests.support.planned import RELEASE


def planned(stack: EngineStack) -> list[str]:
    return [
        label(resource["urn"])
        for resource in plan_settings(stack.settings(), RELEASE).resources
        if resource["custom"] and not resource["type"].startswith("pulumi:providers:")
    ]


def failing_up(stack: EngineStack) -> set[str]:
    """Run ``up`` until a creation fails; return which did, as the user is told."""
    with pytest.raises(CommandError):
        stack.up()
    failed = {name for what, name in stack.cloud.log if what == "fail"}
    messages = {problem.message for problem in stack.seen.run.problems}
    assert messages == {f"no {name} today" for name in failed}
    return failed


def test_whatever_creation_fails_the_next_up_goes_on(new: EngineStack) -> None:
    """Each fails once. Every run gets as far as it can, so that each is a run's only trouble or
    shares it with others that were under way; the run after it must make it, once."""
    everything = planned(new)
    new.cloud.failing = set(everything)
    made: Counter[str] = Counter()
    for _ in everything:
        failed = failing_up(new)
        assert failed
        made += new.cloud.made()
        if not new.cloud.failing:
            break
    assert not new.cloud.failing
    new.up()
    made += new.cloud.made()
    assert made == Counter(everything)
    assert new.up().changes() == set()
    assert not [resource for resource in new.resources() if resource.state.get("delete")]


SERVER = {"aws": "Instance", "digitalocean": "Droplet"}


@pytest.mark.parametrize("name", ["aws-stage1", "digitalocean-stage1", "digitalocean-stage2"])
@pytest.mark.parametrize("what", ["server", "readiness", "assignment"])
def test_a_replacement_that_fails_in_the_middle_is_finished_by_the_next_up(
    bring: Bring, name: str, what: str
) -> None:
    standing = bring(name)
    stack = standing.stack
    (old,) = stack.cloud.account.at_work
    cloud = stack.settings().cloud
    stack.cloud.failing = {
        {
            "server": f"{SERVER[cloud]} {name}-app-server",
            "readiness": f"HostConfiguration {name}-app-host",
            "assignment": "EipAssociation aws-stage1-app-address"
            if cloud == "aws"
            else f"ReservedIpAssignment {name}-app-assignment",
        }[what]
    }
    stack.wish(server__generation=2)
    failing_up(stack)
    if name.endswith("stage2"):
        assert old in stack.cloud.account.at_work, "the app was taken away for nothing"
    seen = stack.up()
    (server,) = [t for t in stack.cloud.account.things.values() if t.type in SERVERS]
    assert stack.cloud.account.at_work == {server.id} != {old}
    assert stack.cloud.address_of(server) == standing.first.run.outputs[outputs.ADDRESS]
    assert seen.run.outputs[outputs.ADDRESS] == standing.first.run.outputs[outputs.ADDRESS]
    assert stack.up().changes() == set()
    assert not [resource for resource in stack.resources() if resource.state.get("delete")]


@pytest.mark.parametrize("new", ["aws-stage2", "digitalocean-stage1"], indirect=True)
def test_an_interrupted_up_is_recorded_and_goes_on(new: EngineStack) -> None:
    """One Ctrl-C while the server is being made: that creation ends and is kept."""
    cloud = new.name.partition("-")[0]
    (server,) = [name for name in planned(new) if name == f"{SERVER[cloud]} {new.name}-app-server"]
    new.cloud.held[server] = threading.Event()
    new.cloud.on_hold = new.interrupt
    with pytest.raises(Interrupted) as stopped:
        new.up()
    assert str(stopped.value) == "Stopped. What was under way has ended and is recorded."
    assert new.attached.cancelled
    made = new.cloud.made()
    assert made[server] == 1
    assert not [name for name in made if name.startswith("HostConfiguration")]
    new.cloud.held.clear()
    new.up()
    assert made + new.cloud.made() == Counter(planned(new))
    assert new.up().changes() == set()
