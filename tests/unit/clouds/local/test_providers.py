"""The providers' decisions: what is a change, what replaces, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime.rpc import UNKNOWN

from components.clouds.local.account import power
from components.clouds.local.hosts import inventory, machine, ownership
from components.clouds.local.net import bridge
from components.clouds.local.resources.address import AddressProvider
from components.clouds.local.resources.bucket import BucketProvider
from components.clouds.local.resources.database import DatabaseProvider, FollowerProvider
from components.clouds.local.resources.keys import AuthorityProvider, SshKeyProvider
from components.clouds.local.resources.network import NetworkProvider
from components.clouds.local.resources.provider import LocalProvider
from components.clouds.local.resources.server import ServerProvider
from components.clouds.local.resources.volume import AttachmentProvider, VolumeProvider, file_of

PROVIDERS: list[type[LocalProvider]] = [
    AddressProvider,
    AttachmentProvider,
    AuthorityProvider,
    BucketProvider,
    DatabaseProvider,
    FollowerProvider,
    NetworkProvider,
    ServerProvider,
    SshKeyProvider,
    VolumeProvider,
]
SERVER = {
    "stack": "mine",
    "name": "app",
    "network_id": "mine/10.97.1.0/24",
    "plan": "local-2gb",
    "memory_mib": "2048",
    "generation": "1",
    "user_data": "#cloud-config",
}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_is_its_name_alone_in_the_state(provider: type[LocalProvider]) -> None:
    """So that a change of its code is no change of the resource, and no secret is in it."""
    held = serialize_provider(provider())
    assert len(held) < 300
    assert provider.serialize_as_secret_always is False


def server(**news: Any) -> Any:
    olds = {**SERVER, "present": "yes", "host_key": "ssh-ed25519 A", "__provider": "old"}
    given = {**SERVER, **news, "__provider": "new"}
    return ServerProvider().diff("id", {**olds, **_outputs(news)}, given)


def _outputs(news: dict[str, Any]) -> dict[str, Any]:
    return {key: news.pop(key) for key in ("present",) if key in news}


def test_a_server_that_is_as_it_should_be_is_left_alone() -> None:
    result = server()
    assert (result.changes, result.replaces) == (False, [])


@pytest.mark.parametrize("key", ["generation", "network_id", "name", "stack"])
@pytest.mark.parametrize("value", ["another", UNKNOWN])
def test_what_replaces_a_server(key: str, value: str) -> None:
    result = server(**{key: value})
    assert (result.changes, result.replaces) == (True, [key])


def test_a_new_plan_and_a_dead_server_are_updates() -> None:
    for news in ({"plan": "local-4gb", "memory_mib": "4096"}, {"present": "no"}):
        result = server(**news)
        assert (result.changes, result.replaces) == (True, [])


def test_the_boot_document_reaches_only_new_servers() -> None:
    assert server(user_data="#cloud-config\nnew").changes is False


ADDRESS = {"network_id": "mine/10.97.1.0/24", "server_id": "mine/app/1"}


@pytest.mark.parametrize("server_id", ["mine/app-b/2", UNKNOWN])
def test_an_address_moves_at_once_or_after_the_readiness_check(server_id: str) -> None:
    at_once = {**ADDRESS, "moves": "at once"}
    result = AddressProvider().diff("id", at_once, {**at_once, "server_id": server_id})
    assert (result.changes, result.replaces) == (True, [])
    after = {**ADDRESS, "moves": "after"}
    result = AddressProvider().diff("id", after, {**after, "server_id": server_id})
    assert (result.changes, result.replaces) == (True, ["server_id"])
    assert result.delete_before_replace is True
    assert AddressProvider().diff("id", after, after).changes is False


VOLUME = {"stack": "mine", "name": "data", "size_gib": "10"}


def test_a_volume_grows_in_place_and_never_shrinks() -> None:
    larger = VolumeProvider().diff("mine/data", VOLUME, {**VOLUME, "size_gib": "20"})
    assert (larger.changes, larger.replaces) == (True, [])
    failures = VolumeProvider().check(VOLUME, {**VOLUME, "size_gib": "9"}).failures
    assert [failure.reason for failure in failures] == [
        "size of volume data: should be at least 10 GiB, which it has, got 9. Volumes only grow"
    ]
    assert VolumeProvider().check(VOLUME, {**VOLUME, "size_gib": "11"}).failures == []
    assert VolumeProvider().check({}, VOLUME).failures == []


def test_a_volume_that_was_larger_when_it_was_adopted_is_no_change() -> None:
    assert VolumeProvider().diff("mine/data", {**VOLUME, "size_gib": "20"}, VOLUME).changes is False


def test_a_volume_is_a_sparse_file_that_is_adopted_and_deleted_only_when_asked(root: Path) -> None:
    provider = VolumeProvider()
    made = provider.create({**VOLUME, "size_gib": "3"})
    file = file_of(made.id)
    assert file.stat().st_size == 3 * 1024**3
    assert file.stat().st_blocks == 0
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    with file.open("r+b") as handle:
        handle.write(b"ledger")
    assert provider.create(VOLUME).outs == {**VOLUME, "size_gib": "10"}
    assert provider.create({**VOLUME, "size_gib": "2"}).outs == {**VOLUME, "size_gib": "10"}
    assert file.open("rb").read(6) == b"ledger"
    assert provider.read(made.id, VOLUME).id == made.id
    provider.delete(made.id, VOLUME)
    assert provider.read(made.id, VOLUME).id == ""
    assert not machine.stack_folder("mine").exists()


def test_a_network_is_gone_only_when_the_stack_has_none(root: Path) -> None:
    props = {"stack": "mine", "cidr": "10.97.1.0/24", "present": "yes"}
    provider = NetworkProvider()
    assert provider.read("mine/10.97.1.0/24", props).id == ""
    machine.write_json(ownership.claim("mine") / "network.json", {"cidr": "10.97.1.0/24"})
    network = provider.read("mine/10.97.1.0/24", props)
    assert network.id == "mine/10.97.1.0/24"
    assert network.outs is not None and network.outs["present"] == "no"
    assert provider.read("mine/10.97.2.0/24", props).id == ""


@pytest.mark.parametrize("server_id", ["", "mine", "mine/app", "mine/app/123", "mine/app/1/2"])
def test_an_id_of_no_host_is_gone(root: Path, server_id: str) -> None:
    assert inventory.find(server_id) is None
    assert power.server_state(server_id) == "gone"


def test_names_of_interfaces_fit_and_differ(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {bridge.of(stack, "10.97.1.0/24").bridge for stack in ("a", "b", "a" * 40)}
    monkeypatch.setenv("STAGES_LOCAL_ROOT", "/elsewhere")
    names.add(bridge.of("a", "10.97.1.0/24").bridge)
    assert len(names) == 4
    assert all(len(name) <= 15 for name in names)


def test_addresses_follow_from_the_range() -> None:
    network = bridge.Network(key="x", cidr="10.97.0.0/16")
    assert (network.gateway, network.static_address, network.address(64)) == (
        "10.97.0.1",
        "10.97.0.10",
        "10.97.0.64",
    )
