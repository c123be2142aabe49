"""A server whose first boot failed has served nothing: the next ``up`` replaces it alone."""

from __future__ import annotations

import pytest
from pulumi.automation.errors import CommandError

from scripts.lib import failed_boots, flows
from tests.engine.cloud import SERVERS
from tests.engine.conftest import Bring
from tests.engine.stack import EngineStack

WHY = "('scripts_user', RuntimeError('Failed to install'))"


def failing_up(stack: EngineStack) -> None:
    stack.cloud.boot_fails = WHY
    with pytest.raises(CommandError):
        stack.up()
    (said,) = [problem.message for problem in stack.seen.run.problems]
    assert f"the first boot failed: {WHY}" in said
    assert f"`make up STACK={stack.name}` then replaces this server" in said


def servers(stack: EngineStack) -> list[str]:
    return [thing.id for thing in stack.cloud.account.things.values() if thing.type in SERVERS]


def to_replace(stack: EngineStack) -> list[str]:
    """What ``make up`` asks the engine to replace."""
    resources = stack.resources()
    return [urn for id_ in failed_boots.failed(resources) for urn in flows.servers(resources, id_)]


def test_a_failed_first_boot_of_all_is_replaced(new: EngineStack) -> None:
    failing_up(new)
    (bad,) = servers(new)
    assert failed_boots.way_in(new.resources())["server_id"].endswith(bad)
    assert new.cloud.account.at_work == set()
    new.up(replace=to_replace(new))
    (good,) = servers(new)
    assert good != bad and new.cloud.account.at_work == {good}
    assert to_replace(new) == [] and new.up().changes() == set()


@pytest.mark.parametrize(
    "name", ["aws-stage1", "aws-stage2", "digitalocean-stage1", "digitalocean-stage2"]
)
def test_a_replacement_with_a_failed_first_boot_is_replaced(bring: Bring, name: str) -> None:
    stack = bring(name).stack
    (old,) = servers(stack)
    stack.wish(server__generation=2)
    failing_up(stack)
    in_service = {old} if name.endswith("stage2") else set()
    assert stack.cloud.account.at_work == in_service, "stage 2 serves with its old server"
    stack.up(replace=to_replace(stack))
    (good,) = servers(stack)
    assert good != old and stack.cloud.account.at_work == {good}
    assert to_replace(stack) == [] and stack.up().changes() == set()


@pytest.mark.parametrize("name", ["digitalocean-stage1", "digitalocean-stage2"])
def test_a_server_that_never_answers_is_replaced_as_well(bring: Bring, name: str) -> None:
    """Each further ``up`` asked the same silent server for five minutes and failed."""
    stack = bring(name).stack
    (old,) = servers(stack)
    stack.wish(server__generation=2, domain="app.example.com")
    stack.cloud.silent = True
    with pytest.raises(CommandError):
        stack.up()
    (said,) = [problem.message for problem in stack.seen.run.problems]
    assert "nobody could log in: " in said and "no first answer over SSH (timed out)" in said
    assert f"`make up STACK={name}` then replaces this server" in said
    stack.up(replace=to_replace(stack))
    (good,) = servers(stack)
    assert stack.cloud.account.at_work == {good} != {old}
    given = [step for step in stack.cloud.log if step[0] in {"give", "take"}]
    assert given == ([("give", old), ("take", good)] if name.endswith("stage2") else [])
    assert to_replace(stack) == [] and stack.up().changes() == set()


@pytest.mark.parametrize("name", ["aws-stage1", "digitalocean-stage2"])
def test_a_stack_with_a_failed_first_boot_goes_as_any_other(bring: Bring, name: str) -> None:
    stack = bring(name).stack
    stack.wish(server__generation=2)
    failing_up(stack)
    stack.destroy(exclude_protected=True)
    assert servers(stack) == []
