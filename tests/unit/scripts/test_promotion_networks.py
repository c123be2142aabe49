"""What a promotion states in the settings of two stacks whose networks meet on the internet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from components.seam.operations import Operations
from components.settings import stacks
from scripts.lib import (
    app_server,
    flows,
    promotion,
    promotion_app,
    promotion_pair,
    promotion_settings,
    promotion_steps,
    views,
)

OUTPUTS = {
    "shop": {"address": "203.0.113.1", "ssh_host": "198.51.100.1"},
    "shop2": {"address": "203.0.113.2", "ssh_host": "198.51.100.2"},
}


class Stacks:
    """Two stacks with files; every ``up`` and everything asked of a server is written down."""

    def __init__(self, folder: Path, operations: Operations) -> None:
        self.folder = folder
        self.log: list[str] = []
        self.said: list[str] = []
        self.sessions = [self._session(name, operations) for name in OUTPUTS]
        old, new = (cast("Any", session) for session in self.sessions)
        way_in = {"ssh_host_key": "ssh-ed25519 AAAA", "ssh_user": "ops"}
        server = cast("Any", SimpleNamespace(perform=self._perform, way_in=way_in))
        self.both = promotion_pair.Pair(old, new, server, server)

    def _session(self, name: str, operations: Operations) -> SimpleNamespace:
        self.file(name).write_text("config:\n  stages:cloud: aws\n")
        return SimpleNamespace(
            stack=name,
            screen=None,
            settings=SimpleNamespace(stack=name),
            operations=operations,
            engine=SimpleNamespace(configure=self._configure),
            checkout=SimpleNamespace(settings_file=self.file),
            say=self.said.append,
        )

    def file(self, name: str) -> Path:
        return self.folder / f"Pulumi.{name}.yaml"

    def stated(self, name: str) -> dict[str, object]:
        return {
            key: value
            for key, value in stacks.values(self.file(name), name).items()
            if key != "cloud"
        }

    def _configure(self, file: Path, path: str, value: str | None, kind: str) -> None:
        content = yaml.safe_load(file.read_text())
        key = path.replace('["', "").replace('"]', "")
        content["config"].pop(key, None)
        if value is not None:
            content["config"][key] = value == "true" if kind == "bool" else value
        file.write_text(yaml.safe_dump(content))

    def _perform(self, document: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        self.log.append(document["mode"])
        return {"public": "ssh-ed25519 AAAA"} if document["mode"] == "promotion key" else {}

    def up_with(self, session: Any, edit: Callable[[Path], None], **_: Any) -> None:
        edit(self.file(session.stack))
        self.log.append(f"up {session.stack}")


@pytest.fixture
def stacks_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Operations], Stacks]:
    monkeypatch.setattr(views, "values", lambda session: OUTPUTS[session.stack])

    def made(operations: Operations) -> Stacks:
        pair = Stacks(tmp_path, operations)
        monkeypatch.setattr(flows, "up_with", pair.up_with)
        monkeypatch.setattr(promotion, "connect", lambda _: {})
        monkeypatch.setattr(promotion_app, "serve", lambda _: pair.log.append("serve"))
        monkeypatch.setattr(promotion_app, "move_app", lambda _: pair.log.append("move app"))
        return pair

    return made


def static(values: Any) -> str:
    return str(values["address"])


@pytest.mark.parametrize(
    ("operations", "address"),
    [(Operations(), "198.51.100.2"), (Operations(own_address=static), "203.0.113.2")],
)
def test_each_stack_states_what_its_network_lets_in(
    stacks_of: Callable[[Operations], Stacks], operations: Operations, address: str
) -> None:
    pair = stacks_of(operations)
    promotion_settings.open_networks(pair.both)
    assert pair.stated("shop") == {"access.tunnel_from": address}
    assert pair.stated("shop2") == {"database.subscribes": True}
    promotion_settings.open_networks(pair.both)
    assert pair.log == ["up shop", "up shop2"], "and what is stated already is left alone"
    assert pair.said == [
        f"stacks/Pulumi.shop.yaml: stages:access.tunnel_from is {address} now; commit it.",
        "stacks/Pulumi.shop2.yaml: stages:database.subscribes is true now; commit it.",
    ]


def test_the_way_back_takes_it_out_of_both_files(
    stacks_of: Callable[[Operations], Stacks],
) -> None:
    """Before the record goes: killed until then, --abort can be given again."""
    pair = stacks_of(Operations())
    promotion_settings.open_networks(pair.both)
    pair.log.clear()
    promotion_steps.abort(pair.both, "copying")
    close = "promotion close"
    assert pair.log == ["promotion clear", close, "serve", "up shop", "up shop2", close]
    assert pair.stated("shop") == pair.stated("shop2") == {}


def test_what_a_killed_copy_stated_can_be_aborted(
    stacks_of: Callable[[Operations], Stacks],
) -> None:
    pair = stacks_of(Operations())
    assert not promotion.has_begun(pair.both)
    promotion_settings.open_networks(pair.both)
    assert promotion.has_begun(pair.both)


def test_after_the_end_visitors_alone_are_let_in(stacks_of: Callable[[Operations], Stacks]) -> None:
    pair = stacks_of(Operations())
    promotion_settings.open_networks(pair.both)
    promotion_settings.bring_up(pair.both.old, {promotion_settings.PROMOTED_TO: "shop2"})
    pair.log.clear()
    promotion_steps.finish(pair.both, "switched")
    assert pair.log[-2:] == ["serve", "up shop2"]
    assert "up shop" not in pair.log
    tunnel = {"access.tunnel_from": "198.51.100.2"}
    assert pair.stated("shop") == {**tunnel, "database.promoted_to": "shop2"}
    assert pair.stated("shop2") == {}
    pair.log.clear()
    promotion_steps.finish(pair.both, "finished")
    assert [line for line in pair.log if line.startswith("up")] == [], "nor in a second run"


@pytest.mark.parametrize("operations", [Operations(), Operations(join=lambda *_: None)])
def test_a_stack_that_was_taken_down_is_like_a_new_one_when_it_comes_up_again(
    stacks_of: Callable[[Operations], Stacks],
    monkeypatch: pytest.MonkeyPatch,
    operations: Operations,
) -> None:
    """It lets nobody in, and its app runs there."""
    pair = stacks_of(operations)
    promotion_settings.open_networks(pair.both)
    promotion_settings.bring_up(pair.both.old, {promotion_settings.PROMOTED_TO: "shop2"})
    monkeypatch.setattr(promotion, "open_session", lambda *_, **__: pair.both.new)
    monkeypatch.setattr(app_server, "read", lambda _: pair.both.new_server)
    pair.sessions[0].settings.database = SimpleNamespace(promoted_to="shop2")
    pair.said.clear()
    promotion.forget(pair.both.old)
    own = "stacks/Pulumi.shop.yaml: stages:"
    assert pair.said[-1] == f"{own}database.promoted_to is removed; commit it."
    assert pair.log[-2:] == ["promotion state", "promotion close"]
    assert pair.stated("shop") == {}


def test_networks_on_this_machine_are_joined_and_no_file_changes(
    stacks_of: Callable[[Operations], Stacks],
) -> None:
    joined: list[bool] = []
    pair = stacks_of(Operations(join=lambda _old, _new, open_: joined.append(open_)))
    promotion_settings.open_networks(pair.both)
    promotion_steps.abort(pair.both, "copying")
    assert joined == [True, False]
    assert pair.stated("shop") == pair.stated("shop2") == {}
    assert "up shop" not in pair.log
