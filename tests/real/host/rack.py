"""Servers of stage 1 on a network and a disk of their own, and how a test looks at them."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.clouds.local.hosts import disk as volumes
from components.clouds.local.hosts import machine, nspawn
from components.clouds.local.net import bridge
from components.errors import UserError
from components.host import app, backups, firewall, pgbouncer, valkey
from components.host.model import DatabaseStep, Part, Release, Shutdown
from components.remote import document as host_document
from components.resources import host_configuration
from components.resources.host_configuration import HostConfigurationProvider
from tests.real.app_host import AppHost
from tests.support.composed_hosts import DEVICE, boot_document, single_server
from tests.support.ranges import free_cidr

PROJECT = Path(__file__).resolve().parents[3]
MEMORY_MIB = 2048


@dataclass
class Rack:
    """A network, a disk, and servers that use it one after the other."""

    image: Path
    network: bridge.Network
    key: Path
    disk: Path
    hosts: list[nspawn.Host]
    commit: str
    bucket: backups.Bucket | None = None
    restore_from: str = ""

    def boot(self, name: str) -> AppHost:
        """A new server with the boot document and the disk."""
        public = self.key.with_suffix(".pub").read_text().strip()
        host = nspawn.Host(self.disk.parent / "hosts" / name)
        spec = nspawn.Spec(
            image=str(self.image),
            bridge=self.network.bridge,
            network=self.network.cidr,
            address=self.network.address(16),
            gateway=self.network.gateway,
            memory_mib=MEMORY_MIB,
            hostname=name,
        )
        self.hosts.append(host)
        document = boot_document(
            volume_device=DEVICE,
            with_postgres=True,
            ssh_keys=(public,),
            ssh_cidrs=(self.network.cidr,),
        )
        host.make(spec, document)
        host.attach(DEVICE, self.disk)
        host.start()
        return AppHost(host, spec.address, host.wait_for_ssh(), self.key.read_text())

    def parts(self) -> tuple[Part, ...]:
        """Stage 1's parts, with this network's SSH and this key."""
        own = firewall.firewall(ssh_cidrs=(self.network.cidr,))
        return tuple(
            own if any(file.path == firewall.PATH for file in part.files) else part
            for part in single_server(
                MEMORY_MIB, bucket=self.bucket, restore_from=self.restore_from
            ).parts
            if not any(file.path.startswith("/home/") for file in part.files)
        )

    def props(self, made: AppHost, **changes: Any) -> dict[str, Any]:
        """The host configuration's inputs for the sample app on this host."""
        plain = host_document.plain(
            self.parts(),
            DatabaseStep(run_as="postgres"),
            Release(
                repository=str(PROJECT),
                commit=self.commit,
                directory="examples/django",
                release_command="python3 manage.py migrate --noinput",
            ),
            app.app_service(
                processes=2, health_path="/health", workers={"worker": 1}, worker_settle_s=1
            ),
            app.readiness_check(processes=2, health_path="/health", timeout_s=60),
            Shutdown(
                drained=valkey.DRAINED,
                commands=("systemctl stop postgresql@17-main.service", "systemctl stop data.mount"),
            ),
        )
        host = single_server(MEMORY_MIB, address=made.address, bucket=self.bucket)
        return {
            **made.props(Release(repository=str(PROJECT), commit=self.commit)),
            **plain,
            "late_files": host_document.files(host.late_files),
            "secret_files": host_document.files(host.secret_files),
            "database_secrets": {"sql": host.sql},
            **changes,
        }


@contextmanager
def racked(image: Path, scratch: Path, volume_gib: int = 1) -> Iterator[Rack]:
    """A rack of its own; nothing of it is left."""
    cidr = free_cidr().replace("10.89.", "10.88.")
    folder = machine.stack_folder(f"booted-{cidr.split('.')[2]}")
    key = scratch / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    network = bridge.of(folder.name, cidr)
    rack = Rack(image, network, key, folder / "data.img", [], head())
    bridge.up(network)
    volumes.make(rack.disk, volume_gib)
    try:
        yield rack
    finally:
        for host in rack.hosts:
            host.remove()
        volumes.release(rack.disk)
        bridge.down(network)
        shutil.rmtree(folder)


def apply(rack: Rack, made: AppHost, **changes: Any) -> None:
    """Converge the host."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host_configuration, "server_state", lambda cloud, server: made.host.state())
        HostConfigurationProvider().create(rack.props(made, **changes))


def head() -> str:
    """The commit whose sample app is sent."""
    argv = ["git", "-C", str(PROJECT), "rev-parse", "HEAD"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def started(made: AppHost) -> str:
    units = "nginx pgbouncer valkey-server postgresql@17-main web@8001 web@8002 worker@worker.1"
    return made.sh(f"systemctl show -P InvocationID -P ActiveEnterTimestamp {units}")


def sql(made: AppHost, question: str) -> str:
    """Ask as the app, through the pooler."""
    url = pgbouncer.SOCKET_URL
    return made.sh(f'runuser -u app -- {pgbouncer.PSQL} -XAtqw -c "{question}" "{url}"')


def ask(address: str, path: str) -> str:
    """The whole answer to a request from outside, headers first."""
    return subprocess.run(
        ["curl", "-sSi", "--noproxy", "*", "--max-time", "10", f"http://{address}{path}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def wait_healthy(made: AppHost) -> None:
    def healthy() -> bool:
        urls = " ".join(app.gate_urls(2, "/health"))
        return (
            made.host.run(["sh", "-c", f"curl -sf --fail-early {urls} >/dev/null"]).returncode == 0
        )

    try:
        machine.wait_until("both web processes should be healthy", 20, healthy)
    except UserError as error:
        look = (
            "systemctl --failed --plain; systemctl list-jobs; systemctl status --no-pager"
            " 'data*' 'postgres*'; journalctl -b -n 40 --no-pager -p warning _PID=1"
        )
        pytest.fail(f"{error}\n{made.host.run(['sh', '-c', look]).stdout}")


def reachable(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError:
        return False
    return True


def listening(made: AppHost) -> set[str]:
    """Addresses and ports, without the difference between one and two IP versions."""
    addresses = made.sh("ss -Hltn | awk '{print $4}' | sed -E 's/^(0[.]0[.]0[.]0|\\[::\\])/*/'")
    return set(addresses.splitlines())
