"""One stack of the local cloud, made through its providers as the engine makes it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.clouds.local.account import operations
from components.clouds.local.bucket import program
from components.clouds.local.hosts import disk, inventory, machine
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.net import bridge, rules
from components.clouds.local.resources import keys
from components.clouds.local.resources.address import AddressProvider
from components.clouds.local.resources.bucket import BucketProvider
from components.clouds.local.resources.database import DatabaseProvider
from components.clouds.local.resources.network import NetworkProvider
from components.clouds.local.resources.server import ServerProvider
from components.clouds.local.resources.volume import AttachmentProvider, VolumeProvider, node_of
from tests.support.ranges import unused

Props = dict[str, Any]

STACK = f"t{os.getpid()}"
CIDR = "10.93.1.0/24"


class LocalStack:
    """Makes objects with defaults; each answers the engine's id and outputs."""

    def __init__(self, name: str, cidr: str) -> None:
        self.name = name
        self.cidr = unused(cidr)
        self.network = bridge.of(name, self.cidr)
        self.network_id = NetworkProvider().create({"stack": name, "cidr": self.cidr}).id

    @property
    def folder(self) -> Path:
        return machine.stack_folder(self.name)

    def server_props(self, **props: str) -> Props:
        return {
            "stack": self.name,
            "name": "app",
            "network_id": self.network_id,
            "plan": "local-1gb",
            "memory_mib": "1024",
            "generation": "1",
            "user_data": "#cloud-config\n{}\n",
            **props,
        }

    def server(self, **props: str) -> tuple[str, Props]:
        made = ServerProvider().create(self.server_props(**props))
        assert made.outs is not None
        return made.id, made.outs

    def host(self, **props: str) -> Host:
        host = inventory.find(self.server(**props)[0])
        assert host is not None
        return host

    def volume(self, name: str = "data", size_gib: int = 1) -> tuple[str, Props]:
        made = VolumeProvider().create(
            {"stack": self.name, "name": name, "size_gib": str(size_gib)}
        )
        assert made.outs is not None
        return made.id, made.outs

    def attach(self, server_id: str, volume_id: str) -> tuple[str, Props]:
        device = node_of(volume_id.split("/")[1])
        made = AttachmentProvider().create(
            {"server_id": server_id, "volume_id": volume_id, "device": device}
        )
        assert made.outs is not None
        return made.id, made.outs

    def address(self, server_id: str, moves: str = "at once") -> tuple[str, Props]:
        made = AddressProvider().create(
            {"network_id": self.network_id, "server_id": server_id, "moves": moves}
        )
        assert made.outs is not None
        return made.id, made.outs

    def database_props(self, password: str) -> Props:
        authority = keys.AuthorityProvider().create({"stack": self.name, "name": "database"}).outs
        assert authority is not None
        return {
            "stack": self.name,
            "name": "database",
            "network_id": self.network_id,
            "volume_id": self.volume("database")[0],
            "device": node_of("database"),
            "version": "17",
            "plan": "local-db-1gb",
            "memory_mib": "1024",
            "connections": "25",
            "reserved": "3",
            "storage_gib": "1",
            "admin_password": password,
            "ca_pem": authority["ca_pem"],
            "ca_key": authority["ca_key"],
        }

    def bucket_props(self, **props: str) -> Props:
        authority = keys.AuthorityProvider().create({"stack": self.name, "name": "bucket"}).outs
        assert authority is not None
        return {
            "stack": self.name,
            "name": "Uploads",
            "network_id": self.network_id,
            "volume_id": self.volume("bucket")[0],
            "device": node_of("bucket"),
            "days": "30",
            "locked": "no",
            "secret_access_key": "a-secret-of-forty-characters-or-so",
            "ca_pem": authority["ca_pem"],
            "ca_key": authority["ca_key"],
            "program": program.version(),
            **props,
        }

    def bucket(self, props: Props) -> tuple[str, Props]:
        made = BucketProvider().create(props)
        assert made.outs is not None
        return made.id, made.outs

    def database(self, props: Props) -> tuple[str, Props]:
        made = DatabaseProvider().create(props)
        assert made.outs is not None
        return made.id, made.outs


@contextmanager
def local_stack(name: str = STACK, cidr: str = CIDR) -> Iterator[LocalStack]:
    """A stack whose network is up; afterwards everything of it is deleted."""
    stack = LocalStack(name, cidr)
    try:
        yield stack
    finally:
        operations.delete_data(name)


def shell(host: Host, script: str, stdin: str | None = None) -> str:
    """Run a script inside and return what it says."""
    done = host.run(["sh", "-euc", script], stdin=stdin)
    assert done.returncode == 0, (script, done.stdout, done.stderr)
    return done.stdout.strip()


def format_and_write(host: Host, text: str) -> None:
    """Put a file system on the volume ``data``, mount it at every start, and a file on it."""
    node = node_of("data")
    unit = f"[Mount]\nWhat={node}\nWhere=/data\nType=ext4\n[Install]\nWantedBy=local-fs.target\n"
    shell(host, "cat > /etc/systemd/system/data.mount", unit)
    shell(host, f"blkid {node} >/dev/null || mkfs.ext4 -q {node}")
    shell(host, f"systemctl enable --now --quiet data.mount; echo {text} > /data/file; sync")


def traces(stack: str) -> list[str]:
    """Everything of a stack that the machine still has, by looking at the machine itself."""
    folder = str(machine.stack_folder(stack))
    network = bridge.names_of(stack)
    looks = {
        "processes": ["pgrep", "-af", folder],
        "loop devices": ["losetup", "--list", "--noheadings"],
        "mounts": ["cat", "/proc/mounts"],
        "interfaces": ["ip", "-brief", "link"],
        "tables": ["nft", "list", "ruleset"],
        "groups": ["find", "/sys/fs/cgroup", "-maxdepth", "2", "-name", "stages-*"],
        "files": ["find", "/run/systemd/nspawn", "/run/stages-local-forwarding"],
    }
    keys_of_hosts = [machine.digest(f"{folder}/hosts/{name}", 12) for name in ("app", "app-b")]
    containers = network.bridge.removeprefix(rules.PREFIX)
    marks = (folder, network.bridge, network.table, containers, *keys_of_hosts)
    traces_left = []
    for what, argv in looks.items():
        said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
        traces_left += [
            f"{what}: {line}" for line in said.splitlines() if any(m in line for m in marks)
        ]
    if machine.stack_folder(stack).exists():
        traces_left += [str(path) for path in machine.stack_folder(stack).rglob("*")]
    return traces_left


__all__ = ["CIDR", "STACK", "LocalStack", "disk", "format_and_write", "local_stack", "shell"]
