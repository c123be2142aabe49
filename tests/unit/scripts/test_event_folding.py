"""The engine's events, folded into what a person wants to know."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.automation.events import EngineEvent

from components.seam.downtime import Downtime
from scripts.lib import display
from scripts.lib.events import Problem, Run, Step, describe, errors_of, tidy

STACK = "urn:pulumi:s::stages::pulumi:pulumi:Stack::stages-s"
SERVER = "urn:pulumi:s::stages::stages:stage:One$pulumi-python:dynamic/components.x:Server::s-app"
VOLUME = "urn:pulumi:s::stages::pulumi-python:dynamic/components.x:Volume::s-data"


def state(urn: str, custom: bool, **values: Any) -> dict[str, Any]:
    return {"urn": urn, "type": urn.split("::")[2].split("$")[-1], "custom": custom, **values}


def event(kind: str, op: str, urn: str, *, custom: bool = True, **more: Any) -> EngineEvent:
    """Make an event as the engine sends it; ``old`` and ``new`` are a state's inputs, outputs."""
    metadata: dict[str, Any] = {"op": op, "urn": urn, "type": state(urn, custom)["type"]}
    empty: dict[str, Any] = {"inputs": {}, "outputs": {}}
    for side in ("old", "new"):
        metadata[side] = state(urn, custom, **(more.get(side) or empty))
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, kind: {"metadata": metadata}})


def said(severity: str, message: str, urn: str = "") -> EngineEvent:
    diagnostic = {"severity": severity, "message": message, "urn": urn, "color": "never"}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, "diagnosticEvent": diagnostic})


def fold(*events: EngineEvent) -> Run:
    run = Run()
    for second, each in enumerate(events):
        run.fold(each, float(second))
    return run


def test_a_step_begins_ends_and_is_counted() -> None:
    run = Run()
    assert run.fold(event("resourcePreEvent", "create", SERVER), 1) is None
    assert [display.under_way(step, 5) for step in run.running()] == [
        "creating s-app (Server), 4 s"
    ]
    ended = run.fold(event("resOutputsEvent", "create", SERVER), 7.5)
    assert isinstance(ended, Step)
    assert display.finished(ended).plain == "  + created s-app (Server) 6.5 s"
    assert run.running() == []
    assert display.counted(run) == "1 created, 0 unchanged"


def test_components_providers_and_the_stack_do_not_count() -> None:
    provider = "urn:pulumi:s::stages::pulumi:providers:pulumi-python::default"
    component = "urn:pulumi:s::stages::stages:stage:One::s"
    run = fold(
        event("resourcePreEvent", "create", STACK, custom=False),
        event("resourcePreEvent", "create", component, custom=False),
        event("resourcePreEvent", "same", provider),
        event("resourcePreEvent", "same", VOLUME),
    )
    assert run.steps == {}
    assert run.counts() == {"same": 1}
    assert not run.changes()


def test_a_replacement_counts_once() -> None:
    run = fold(
        event("resourcePreEvent", "create-replacement", SERVER),
        event("resOutputsEvent", "create-replacement", SERVER),
        event("resourcePreEvent", "replace", SERVER),
        event("resOutputsEvent", "replace", SERVER),
        event("resourcePreEvent", "delete-replaced", SERVER),
        event("resOutputsEvent", "delete-replaced", SERVER),
        event("resourcePreEvent", "same", VOLUME),
    )
    assert display.counted(run) == "1 replaced, 1 unchanged"
    assert display.headline(run) == "1 to replace, 1 stay."


HOST = "urn:pulumi:s::stages::pulumi-python:dynamic/stages:HostConfiguration::s-app-host"


@pytest.mark.parametrize(
    ("first", "second", "old_first"),
    [
        ("delete-replaced", "create-replacement", True),
        ("create-replacement", "delete-replaced", False),
    ],
)
def test_a_plan_knows_which_of_a_replaced_pair_goes_first(
    first: str, second: str, old_first: bool
) -> None:
    old = {"inputs": {"login": "a"}, "outputs": {}}
    run = fold(
        event("resourcePreEvent", first, HOST, old=old),
        event("resourcePreEvent", second, HOST, old=old),
    )
    (step,) = run.planned()
    assert (step.urn, step.op, step.old_first) == (HOST, "replace", old_first)
    assert step.old == {"login": "a"}
    assert fold(event("resourcePreEvent", "same", HOST)).planned() == []


def test_downtime_has_a_heading_and_no_downtime_has_none() -> None:
    cost = Downtime(urn=HOST, what="the app", least_s=1, most_s=9, why="it rests", source="s")
    assert display.away([cost]) == [
        "Expected downtime:",
        "  the app, 1 to 9 s, during this run: it rests (s)",
    ]
    assert display.away([]) == []


def test_a_plan_names_what_differs_of_a_provider_that_does_not_say() -> None:
    run = fold(
        event(
            "resourcePreEvent",
            "update",
            SERVER,
            old={"inputs": {"size": "a", "__provider": "x"}, "outputs": {}},
            new={"inputs": {"size": "b", "__provider": "y"}, "outputs": {}},
        )
    )
    (step,) = run.steps.values()
    assert display.planned(step).plain == "  ~ change s-app (Server): size"


def test_a_plan_that_mends_drift_names_it() -> None:
    inputs = {"running": True}
    run = fold(
        event(
            "resourcePreEvent",
            "update",
            SERVER,
            old={"inputs": inputs, "outputs": {"running": False}},
            new={"inputs": inputs, "outputs": {}},
        )
    )
    (step,) = run.steps.values()
    assert step.fields == ("running",)


def test_a_refresh_finds_what_differs_and_what_is_gone() -> None:
    run = fold(
        event("resourcePreEvent", "refresh", SERVER),
        event("resourcePreEvent", "refresh", VOLUME),
        event(
            "resOutputsEvent",
            "update",
            SERVER,
            old={"inputs": {}, "outputs": {"running": True, "a": 1}},
            new={"inputs": {}, "outputs": {"running": False, "a": 1}},
        ),
        event("resOutputsEvent", "delete", VOLUME),
    )
    assert [display.drifted(step).plain for step in run.drift()] == [
        "  ~ differs: s-app (Server): running",
        "  - gone: s-data (Volume)",
    ]
    assert run.running() == []


def test_a_refresh_tells_what_drifted_by_its_own_words() -> None:
    drift = {"/etc/app/app.env": "is missing", "nginx.service": "is failed"}
    run = fold(
        event("resourcePreEvent", "refresh", SERVER),
        event(
            "resOutputsEvent",
            "update",
            SERVER,
            old={"inputs": {}, "outputs": {"drift": {}}},
            new={"inputs": {}, "outputs": {"drift": drift}},
        ),
    )
    assert [display.drifted(step).plain for step in run.drift()] == [
        "  ~ differs: s-app (Server): /etc/app/app.env is missing, nginx.service is failed"
    ]


def test_a_refresh_that_finds_nothing() -> None:
    run = fold(
        event("resourcePreEvent", "refresh", SERVER), event("resOutputsEvent", "same", SERVER)
    )
    assert run.drift() == []
    assert not run.changes()


def test_changed_outputs_of_the_stack_are_a_change() -> None:
    first = event("resOutputsEvent", "same", STACK, custom=False, old={"outputs": {"a": 1}})
    same = {"old": {"outputs": {"a": 1}}, "new": {"outputs": {"a": 1}}}
    other = {"old": {"outputs": {"a": 1}}, "new": {"outputs": {"a": 2}}}
    assert not fold(first, event("resOutputsEvent", "same", STACK, custom=False, **same)).changes()
    run = fold(first, event("resOutputsEvent", "same", STACK, custom=False, **other))
    assert run.changes()
    assert display.headline(run) == "only the outputs change, 0 stay."


def test_a_failure_is_told_once_with_its_resource() -> None:
    run = fold(
        event("resourcePreEvent", "create", SERVER),
        said("error", "Exception calling application: disk is full. Free some.\n", SERVER),
        said("error", "error: disk is full. Free some.", SERVER),
        said("error", "resource monitor: create failed", STACK),
        said("error", "update failed", STACK),
        event("resOpFailedEvent", "create", SERVER),
    )
    assert list(map(str, run.problems)) == ["s-app: disk is full. Free some."]
    (step,) = run.steps.values()
    assert step.failed
    assert display.finished(step).plain.startswith("  ✗ create s-app (Server) failed after ")
    assert run.counts() == {"same": 0}


def test_two_failures_are_both_told() -> None:
    run = fold(said("error", "one", SERVER), said("error", "two", VOLUME))
    assert run.problems == [Problem("s-app", "one"), Problem("s-data", "two")]


def test_warnings_are_shown_once_and_the_engines_own_are_not() -> None:
    run = Run()
    assert (
        run.fold(said("warning", "warning: using pulumi-resource-pulumi-python from $PATH"), 0)
        is None
    )
    assert run.fold(said("warning", "not sent: a change"), 0) == "not sent: a change"
    assert run.fold(said("warning", "not sent: a change"), 0) is None
    assert run.fold(said("debug", "registering"), 0) is None
    assert run.problems == []


def test_kind_and_name_of_a_resource() -> None:
    assert describe(SERVER) == ("Server", "s-app")
    assert describe("urn:pulumi:s::p::aws:ec2/instance:Instance::web") == ("Instance", "web")


TRACE = """\
python inline source runtime error: no
Traceback (most recent call last):
  File "x.py", line 1, in <module>
components.errors.UserError: stages:x: should be y, got 'z'. Mend it.
"""


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("error: it broke\n", "it broke"),
        ("Exception calling application: it broke", "it broke"),
        ("rpc error: code = Unknown desc = it broke", "it broke"),
        (TRACE, "stages:x: should be y, got 'z'. Mend it."),
        ("two\nlines", "two\nlines"),
    ],
)
def test_wrapping_is_taken_off(text: str, tidied: str) -> None:
    assert tidy(text) == tidied


def test_the_errors_of_a_cli_that_gave_no_events() -> None:
    text = "\n code: 255\n stdout: \n stderr: error: incorrect passphrase\nerror: no\nerror: no\n"
    assert errors_of(text) == ["incorrect passphrase", "no"]
    assert errors_of("some words\nthe last\n\n") == ["the last"]
    assert errors_of("") == ["the engine failed and gave no reason"]


def test_a_lone_deletion_of_an_old_one_is_a_change_and_no_replacement() -> None:
    """The engine brings it up when an earlier run replaced a resource and could not delete it."""
    run = fold(
        event("resourcePreEvent", "same", HOST),
        event("resOutputsEvent", "same", HOST),
        event("resourcePreEvent", "delete-replaced", HOST),
        event("resOutputsEvent", "delete-replaced", HOST),
    )
    assert run.changes()
    assert display.headline(run) == "1 left over to delete, 1 stay."
    assert display.counted(run) == "1 left over deleted, 1 unchanged"
    assert [(step.urn, step.op) for step in run.planned()] == [(HOST, "delete")]


def test_an_up_that_looks_first_ends_both_of_a_resources_steps() -> None:
    run = fold(
        event("resourcePreEvent", "refresh", SERVER),
        event("resOutputsEvent", "update", SERVER),
        event("resourcePreEvent", "update", SERVER),
        event("resOutputsEvent", "update", SERVER),
    )
    assert run.running() == []
    assert display.counted(run) == "1 changed, 0 unchanged"


TRACE = """  | Traceback (most recent call last):
  |   File "/srv/app/current/manage.py", line 22, in <module>
  | django.db.utils.ProgrammingError: relation "shop" does not exist"""


@pytest.mark.parametrize(
    "wrapped",
    [
        "Exception calling application: {}",
        "error: Program failed with an unhandled exception:\nTraceback (most recent call last):\n"
        '  File "x.py", line 1, in update\n    raise\nKeyError: 1\n\nDuring handling of the above '
        "exception, another exception occurred:\n\nTraceback (most recent call last):\n"
        '  File "x.py", line 2, in update\ncomponents.host_session.HostFailed: {}',
    ],
)
def test_a_traceback_in_the_apps_own_output_is_told_whole(wrapped: str) -> None:
    message = f"web1: release 0123: the release command failed (exit code 1). Look below.\n{TRACE}"
    assert tidy(wrapped.format(message)) == message
    run = fold(said("error", wrapped.format(message), SERVER))
    assert list(map(str, run.problems)) == [f"s-app: {message}"]
