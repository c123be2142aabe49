"""The offline plan: what it holds, that it is always the same, and that it needs nothing."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from typing import Any, NoReturn

import pytest

from components import program
from components.errors import UserError
from components.seam.planned import SECRET, UNKNOWN
from planning import plan, values
from scripts.lib import plan_views
from tests.support.planned import RELEASE, of_type, only, planned, settled

STACKS = ("digitalocean-stage1", "digitalocean-stage2", "local-stage1", "local-stage2")


def refuse(*_: object, **__: object) -> NoReturn:
    raise AssertionError("the plan should need nothing")


@pytest.mark.parametrize("stack", STACKS)
def test_fact_8_it_needs_no_network_no_program_and_no_credentials(
    stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("DIGITALOCEAN_TOKEN", raising=False)
    made = plan.plan_stack(stack, chosen=RELEASE)
    assert len(made.resources) > 5


@pytest.mark.parametrize("stack", STACKS)
def test_what_a_resource_needs_comes_before_it(stack: str) -> None:
    seen: set[str] = set()
    for resource in planned(stack).resources:
        needs = {
            resource.get("parent"),
            resource.get("deletedWith"),
            *resource.get("dependencies", ()),
        }
        for urns in resource.get("propertyDependencies", {}).values():
            needs.update(urns)
        assert needs - {None} <= seen, resource["name"]
        seen.add(resource["urn"])


def test_the_same_stack_gives_the_same_bytes_whatever_was_planned_before() -> None:
    first = planned("digitalocean-stage2").json()
    planned("local-stage1")
    settled("digitalocean-stage1")
    assert planned("digitalocean-stage2").json() == first


def test_stacks_in_one_process_know_nothing_of_each_other() -> None:
    for number in range(100):
        made = planned("digitalocean-stage1", server__generation=number + 1)
        assert only(made, ":Droplet")["replacementTrigger"] == str(number + 1)
        assert len(made.resources) == 20


def test_a_urn_is_the_engine_s() -> None:
    """The types of the parents and the own one, then the own name: compare `pulumi preview`."""
    droplet = only(planned("digitalocean-stage1"), ":Droplet")
    assert droplet["urn"] == (
        "urn:pulumi:digitalocean-stage1::stages::stages:single_server:SingleServer$stages:app_host:"
        "AppHost$digitalocean:index/droplet:Droplet::digitalocean-stage1-app-server"
    )
    secrets = only(planned("digitalocean-stage1"), ":GeneratedSecrets")
    assert secrets["urn"] == (
        "urn:pulumi:digitalocean-stage1::stages::stages:single_server:SingleServer$pulumi-python:"
        "dynamic/stages:GeneratedSecrets::digitalocean-stage1-secrets"
    )


def test_secrets_are_words_and_so_is_what_is_not_known_yet() -> None:
    inputs = only(planned("digitalocean-stage2"), ":HostConfiguration")["inputs"]
    assert inputs["server_id"] == UNKNOWN
    assert inputs["__provider"] == values.CODE
    now = settled("digitalocean-stage2")
    inputs = only(now.plan, ":HostConfiguration")["inputs"]
    assert inputs["secret_files"] == SECRET
    assert inputs["database_secrets"] == SECRET
    document = now.plan.json()
    assert len(now.secrets) >= 5
    assert [where for where, secret in now.secrets.items() if secret in document] == []


def test_a_setting_that_only_the_engine_can_read_stays_closed() -> None:
    made = planned(
        "digitalocean-stage1", app__environment={"STRIPE_KEY": {"secure": "v1:nonce:ciphertext"}}
    )
    assert "ciphertext" not in made.json()


def test_numbers_and_lists_stay_what_they_were() -> None:
    made = planned("digitalocean-stage2", database__read_replicas=1)
    cluster = only(made, ":DatabaseCluster")["inputs"]
    assert cluster["nodeCount"] == 1
    assert isinstance(cluster["nodeCount"], int)
    assert only(made, ":Droplet")["inputs"]["monitoring"] is True


def test_every_key_of_a_resource_is_documented() -> None:
    documented = set(re.findall(r"\w+", plan.__doc__ or ""))
    made = [resource for stack in STACKS for resource in planned(stack).resources]
    assert {key for resource in made for key in resource} <= documented
    assert set(planned(STACKS[0]).document()) <= documented


def test_the_document_is_json_of_this_version() -> None:
    made = planned("local-stage1")
    assert json.loads(made.json()) == made.document()
    assert made.document()["version"] == 1
    assert made.json().endswith("}\n")


def test_wrong_settings_are_told_as_such_and_the_next_plan_is_not_disturbed() -> None:
    with pytest.raises(UserError) as error:
        planned("digitalocean-stage2", database__pool_size=500)
    assert str(error.value).startswith("stages:database.pool_size: should be at most ")
    assert planned("digitalocean-stage2").resources


def test_fact_10_an_error_in_what_is_computed_late_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A failing `apply` must not pass silently."""

    def fail(*_: object, **__: object) -> str:
        raise UserError("too large a document")

    monkeypatch.setattr("components.stages.app_contents.boot_document", fail)
    with pytest.raises(UserError, match="too large a document"):
        settled("digitalocean-stage1")
    monkeypatch.undo()
    assert settled("digitalocean-stage1").plan.resources


def test_an_unknown_stack_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UserError) as error:
        plan.plan_stack("digitalocaen-stage1")
    assert str(error.value).startswith("STACK: should be one of aws-stage1, ")
    assert "Did you mean STACK=digitalocean-stage1?" in str(error.value)


def test_a_name_that_is_used_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine refuses it as well, once something has been made."""
    declare = program.declare

    def twice(*given: Any) -> None:
        declare(*given)
        declare(*given)

    monkeypatch.setattr(program, "declare", twice)
    with pytest.raises(ValueError, match="registered twice: urn:pulumi:digitalocean-stage1::"):
        planned("digitalocean-stage1")


def test_resources_that_need_each_other_are_no_plan() -> None:
    with pytest.raises(ValueError, match="need each other: a, b"):
        plan.in_order({"a": {"dependencies": ["b"]}, "b": {"parent": "a"}})


def test_the_tree_for_a_person() -> None:
    lines = plan_views.text(planned("digitalocean-stage1")).splitlines()
    assert lines[0] == "digitalocean-stage1: 17 resources, planned offline."
    assert "      digitalocean-stage1-data  Volume  (protected)" in lines
    droplet = "        digitalocean-stage1-app-server  Droplet  (deleted before it is replaced)"
    assert droplet in lines
    assert len(lines) == 1 + 20


def test_it_agrees_with_the_settings_that_the_program_reads() -> None:
    made = planned("digitalocean-stage2", database__read_replicas=2)
    assert len(of_type(made, ":DatabaseReplica")) == 2
    assert made.outputs["stage"] == 2
    assert made.outputs["cloud"] == "digitalocean"


def test_the_command_loads_nothing_that_only_a_run_needs() -> None:
    """Each costs processor time: the whole plan has 1.5 s."""
    heavy = ("rich", "cryptography", "scripts.lib.engine", "scripts.lib.flows", "boto3")
    code = (
        "import sys; from scripts.main import main; code = main(['plan', 'digitalocean-stage1']);"
        f"print(*[name for name in {heavy!r} if name in sys.modules], file=sys.stderr);"
        "sys.exit(code)"
    )
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, cwd=program.PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.split()) == (0, [])
