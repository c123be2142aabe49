"""Volumes of the local cloud: they outlive servers and stacks, and are never formatted over."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.clouds.local.account import operations
from components.clouds.local.hosts import disk, inventory, machine
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.resources.server import ServerProvider
from components.clouds.local.resources.volume import (
    AttachmentProvider,
    VolumeProvider,
    file_of,
    node_of,
)
from components.errors import UserError
from tests.real.local_stack import (
    CIDR,
    STACK,
    LocalStack,
    format_and_write,
    local_stack,
    shell,
    traces,
)

pytestmark = pytest.mark.real


@pytest.fixture
def stack(local_root: Path) -> Iterator[LocalStack]:
    with local_stack() as made:
        yield made


def host_of(server_id: str) -> Host:
    host = inventory.find(server_id)
    assert host is not None
    return host


def test_a_volume_has_its_size_and_outlives_its_server(stack: LocalStack) -> None:
    volume_id, volume = stack.volume(size_gib=2)
    server_id, server = stack.server()
    attachment_id, attachment = stack.attach(server_id, volume_id)
    host = host_of(server_id)
    assert shell(host, f"blockdev --getsize64 {node_of('data')}") == str(2 * 1024**3)
    format_and_write(host, "ledger")
    shell(host, "systemctl stop data.mount")
    AttachmentProvider().delete(attachment_id, attachment)
    assert host.run(["test", "-e", node_of("data")]).returncode == 1
    assert disk.loop(file_of(volume_id)) is None
    ServerProvider().delete(server_id, server)
    second_id, _ = stack.server(generation="2")
    stack.attach(second_id, volume_id)
    format_and_write(host_of(second_id), "''")
    assert VolumeProvider().read(volume_id, volume).outs is not None
    shell(host_of(second_id), "test -e /data/lost+found")


def test_a_restart_keeps_the_attachment(stack: LocalStack) -> None:
    volume_id, _ = stack.volume()
    server_id, _ = stack.server()
    attachment_id, attachment = stack.attach(server_id, volume_id)
    host = host_of(server_id)
    format_and_write(host, "ledger")
    host.kill()
    disk.release(file_of(volume_id))  # as after the machine's boot
    host.start()
    host.wait_for_ssh()
    assert shell(host, "cat /data/file") == "ledger"
    attached = AttachmentProvider().read(attachment_id, attachment).outs
    assert attached is not None and attached["present"] == "yes"


def test_a_device_that_was_lost_is_seen_and_mended(stack: LocalStack) -> None:
    volume_id, _ = stack.volume()
    server_id, _ = stack.server()
    attachment_id, attachment = stack.attach(server_id, volume_id)
    host = host_of(server_id)
    shell(host, f"rm {node_of('data')}")
    lost = AttachmentProvider().read(attachment_id, attachment).outs
    assert lost is not None and lost["present"] == "no"
    assert AttachmentProvider().diff(attachment_id, lost, attachment).changes
    AttachmentProvider().update(attachment_id, lost, attachment)
    assert shell(host, f"blockdev --getsize64 {node_of('data')}") == str(1024**3)


def test_a_volume_is_there_after_a_reboot_from_inside(stack: LocalStack) -> None:
    """Each was attached after the host's start."""
    server_id, _ = stack.server()
    host = host_of(server_id)
    for name in ("data", "gone"):
        volume_id, _ = stack.volume(name)
        attached = stack.attach(server_id, volume_id)
    AttachmentProvider().delete(*attached)
    before = host.leader()
    host.run(["systemctl", "reboot"])
    machine.wait_until(
        "the host should reboot", 30, lambda: host.leader() not in (None, before) or None
    )
    host.wait_for_ssh()
    assert shell(host, f"blockdev --getsize64 {node_of('data')}") == str(1024**3)
    assert shell(host, f"! test -e {node_of('gone')}") == ""


def test_a_host_whose_volume_is_gone_says_so_at_its_start(stack: LocalStack) -> None:
    volume_id, _ = stack.volume()
    server_id, _ = stack.server()
    stack.attach(server_id, volume_id)
    host, file = host_of(server_id), file_of(volume_id)
    host.stop()
    file.unlink()
    with pytest.raises(UserError) as refused:
        host.start()
    assert str(refused.value) == (
        f"Volume {file} is gone."
        f" Run `make refresh STACK={stack.name}`, then `make up STACK={stack.name}`."
    )


def test_a_mounted_volume_comes_off_a_clean_shutdown_only(stack: LocalStack) -> None:
    volume_id, _ = stack.volume()
    server_id, _ = stack.server()
    attachment_id, attachment = stack.attach(server_id, volume_id)
    host = host_of(server_id)
    format_and_write(host, "ledger")
    with pytest.raises(UserError) as refused:
        host.detach(node_of("data"))
    assert str(refused.value) == (
        f"{node_of('data')} is mounted on app, which runs. "
        "Unmount it there or stop the host, and try again"
    )
    assert shell(host, "cat /data/file") == "ledger"
    AttachmentProvider().delete(attachment_id, attachment)
    assert host.state() == "off"
    assert disk.loop(file_of(volume_id)) is None
    checked = ["e2fsck", "-n", str(file_of(volume_id))]
    said = subprocess.run(checked, capture_output=True, text=True, check=True).stdout
    assert "clean" in said and "recovering journal" not in said


def test_a_volume_belongs_to_one_server_at_a_time(stack: LocalStack) -> None:
    volume_id, _ = stack.volume()
    first_id, _ = stack.server()
    second_id, _ = stack.server(name="other")
    stack.attach(first_id, volume_id)
    with pytest.raises(UserError) as refused:
        stack.attach(second_id, volume_id)
    assert str(refused.value) == (
        f"Volume data is attached to {first_id}. It belongs to one server at a time"
    )
    assert not host_of(second_id).holds(file_of(volume_id))


def test_data_that_was_kept_is_adopted(local_root: Path) -> None:
    with local_stack() as stack:
        volume_id, volume = stack.volume()
        server_id, server = stack.server()
        stack.attach(server_id, volume_id)
        format_and_write(host_of(server_id), "ledger")
        ServerProvider().delete(server_id, server)  # without a detachment before
        assert disk.loop(file_of(volume_id)) is None
        before = file_of(volume_id).read_bytes()
        _, again = stack.volume()
        assert again == volume
        assert file_of(volume_id).read_bytes() == before
        _, larger = stack.volume(size_gib=2)
        assert larger["size_gib"] == "2"
        _, not_smaller = stack.volume(size_gib=1)
        assert not_smaller["size_gib"] == "2"
        server_id, _ = stack.server()
        stack.attach(server_id, volume_id)
        format_and_write(host_of(server_id), "more")


def test_nothing_is_left_but_the_volume(local_root: Path) -> None:
    stack = LocalStack(STACK, CIDR)
    try:
        volume_id, _ = stack.volume()
        server_id, server = stack.server()
        attachment = stack.attach(server_id, volume_id)
        AttachmentProvider().delete(*attachment)
        ServerProvider().delete(server_id, server)
        from components.clouds.local.resources.network import NetworkProvider

        NetworkProvider().delete(stack.network_id, {"stack": STACK, "cidr": stack.cidr})
        kept = file_of(volume_id)
        assert operations.leftovers(STACK) == [f"volume {kept}, 1 GiB, 0 MiB of it used"]
        files = {kept, kept.parent, stack.folder / "owner.json"}
        assert set(traces(STACK)) == {str(file) for file in files}
    finally:
        operations.delete_data(STACK)
    assert traces(STACK) == []
