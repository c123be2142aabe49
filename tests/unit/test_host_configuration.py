"""When the host configuration is replaced, updated or left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from components.clouds.local.hosts import inventory, nspawn
from components.errors import UserError
from components.host.model import Release
from components.resources.host_configuration import (
    OUTPUTS,
    HostConfigurationProvider,
    changed,
    outputs,
)
from tests.real.app_host import AppHost
from tests.support.planned import of_type, planned
from tests.unit.test_host_document import inputs

provider = HostConfigurationProvider()


def news(**changes: Any) -> dict[str, Any]:
    return {
        **inputs(),
        "stack": "s",
        "cloud": "local",
        "server_id": "stack/app/1",
        "size": "local-2gb",
        "attachment_id": "volume-1",
        "ssh_host": "127.0.0.1",
        "ssh_host_key": "ssh-ed25519 AAAA",
        "delete_before_replace": "",
        "login": "ops",
        "private_key": "",
        "force_stop": "",
        "revision": None,
        "drift": None,
        "__provider": "pickle",
        **changes,
    }


def test_hosts_in_tests_get_every_input_that_a_stack_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An input that only stacks have would be missed by the real hosts' tests, hours later."""
    monkeypatch.setattr(inventory, "id_of", lambda host: "s/app/1")
    (own,) = of_type(planned("local-stage1"), ":HostConfiguration")
    made = AppHost(nspawn.Host(Path("/srv/s/hosts/app")), "127.0.0.1", "ssh-ed25519 AAAA", "")
    given = made.props(Release(repository="/srv/app", commit="c"))
    assert set(own["inputs"]) - {*OUTPUTS, "__provider"} <= set(given)


OLDS = {**outputs(news()), "__provider": "older pickle"}


def test_the_same_wish_for_a_host_without_drift_changes_nothing() -> None:
    answer = provider.diff("id", OLDS, news())
    assert answer.changes is False
    assert answer.replaces == []


@pytest.mark.parametrize("key", ["server_id", "attachment_id"])
@pytest.mark.parametrize("value", ["another", UNKNOWN])
@pytest.mark.parametrize("first", ["yes", ""])
def test_another_server_or_attachment_replaces_it_as_the_server_is_replaced(
    key: str, value: str, first: str
) -> None:
    answer = provider.diff("id", OLDS, news(**{key: value}, delete_before_replace=first))
    assert answer.changes is True
    assert answer.replaces == [key]
    assert answer.delete_before_replace is (first == "yes")


@pytest.mark.parametrize(
    "change",
    [
        {"packages": ["nginx"]},
        {"files": {}},
        {"secret_files": UNKNOWN},
        {"private_key": "new"},
        {"release": {**inputs()["release"], "commit": "d" * 40}},
    ],
)
def test_another_wish_is_an_update_in_place(change: dict[str, Any]) -> None:
    answer = provider.diff("id", OLDS, news(**change))
    assert answer.changes is True
    assert answer.replaces == []
    assert changed(OLDS, news(**change)) == list(change)


def test_a_repository_at_another_path_is_no_change() -> None:
    elsewhere = {**inputs()["release"], "repository": "/elsewhere"}
    assert provider.diff("id", OLDS, news(release=elsewhere)).changes is False


def test_drift_alone_is_an_update() -> None:
    answer = provider.diff("id", {**OLDS, "drift": {"/etc/a": "is missing"}}, news())
    assert answer.changes is True
    assert answer.replaces == []


@pytest.mark.parametrize("change", [{"force_stop": "yes"}, {"private_key": "new"}])
def test_what_is_only_recorded_does_not_need_the_host(change: dict[str, Any]) -> None:
    """The host here does not exist: contact would be an error."""
    outs = provider.update("id", OLDS, news(**change)).outs or {}
    assert {key: outs[key] for key in change} == change
    assert outs["revision"] == "c" * 40


CUT_OFF = "It may be down or cut off; is this machine in stages:access.ssh_cidrs?"
MISSING = "`make refresh STACK=s` takes note of it, `make up STACK=s` then brings it back."


@pytest.mark.parametrize(
    ("state", "begins", "ends"),
    [
        ("running", "no answer over SSH (ssh: Could not resolve", CUT_OFF),
        ("gone", "its server is gone: someone or something else did that", MISSING),
        ("off", "its server is off: someone or something else did that", MISSING),
    ],
)
def test_anything_else_does_and_a_host_without_an_answer_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, state: str, begins: str, ends: str
) -> None:
    monkeypatch.setattr("components.resources.host_configuration.CONTACT_S", 0)
    monkeypatch.setattr("components.remote.work.server_state", lambda *_: state)
    with pytest.raises(UserError) as caught:
        provider.update("id", OLDS, news(packages=[], ssh_host="no-such-host.invalid"))
    message = str(caught.value)
    assert message.startswith(f"no-such-host.invalid: {begins}")
    assert message.endswith(ends)


@pytest.mark.parametrize(
    ("olds", "change", "waits_s"),
    [
        ({}, {"packages": []}, 20),
        ({}, {"size": "local-4gb"}, 300),
        ({"drift": {"host": "is off"}}, {}, 300),
    ],
)
def test_a_server_that_was_restarted_is_given_the_time_of_a_boot(
    monkeypatch: pytest.MonkeyPatch, olds: dict[str, Any], change: dict[str, Any], waits_s: int
) -> None:
    """A new size stops and starts it; its cloud says that it runs before it answers."""
    waited = []
    monkeypatch.setattr(
        "components.remote.work.perform", lambda *_, wait_s, **__: waited.append(wait_s)
    )
    provider.update("id", {**OLDS, **olds}, news(**change))
    assert waited == [waits_s]


def test_the_state_holds_the_wish_and_what_came_of_it() -> None:
    assert {key: OLDS[key] for key in ("revision", "drift", "server_id")} == {
        "revision": "c" * 40,
        "drift": {},
        "server_id": "stack/app/1",
    }
