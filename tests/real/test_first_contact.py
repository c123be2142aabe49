"""From the first contact to an app that answers, on a real host in a cloud server's place.

The host boots the very boot document of each cloud's stage 1, with the volume under that cloud's
name for it; its own host key is pinned over a session that the one-use key verifies; the stack's
very host configuration converges it. Only what is the test's own differs: network, SSH key, host.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components import clouds, first_contact, ssh
from components.clouds.local import bridge, disk, machine, nspawn
from components.errors import UserError
from components.host_configuration import HostConfigurationProvider
from components.program import PROJECT
from tests.contract.test_clouds import own_settings
from tests.real.app_host import free_cidr
from tests.real.host.rack import ask, head
from tests.support.planned import Settled, settled

pytestmark = pytest.mark.real

UNTOLD = [
    name for name in clouds.names() if not clouds.load(name, own_settings(name, 1)).knows_host_keys
]
"""Clouds that cannot tell a host's key."""


@dataclass
class Server:
    """A host that was booted as a cloud boots a server."""

    host: nspawn.Host
    address: str
    key: Path
    first: tuple[str, str]
    stack: Settled
    device: str

    def target(self, host_key: str) -> ssh.Target:
        return ssh.Target(
            host=self.address, host_key=host_key, login="ops", private_key=self.key.read_text()
        )

    def sh(self, command: str) -> str:
        done = self.host.run(["sh", "-c", command])
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()


@pytest.fixture(scope="module", params=UNTOLD)
def server(
    request: pytest.FixtureRequest, host_image: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    cidr = free_cidr().replace("10.89.", "10.87.")
    scratch = tmp_path_factory.mktemp("first-contact")
    key = scratch / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    first = first_contact.make_key()
    name = f"{request.param}-stage1"
    stack = settled(
        name,
        known={
            f"{name}-app-first-contact-key.private": first[0],
            f"{name}-app-first-contact-key.public": first[1],
        },
        access__ssh_keys=[key.with_suffix(".pub").read_text().strip()],
        access__ssh_cidrs=[cidr],
    )
    boot_document = next(
        str(inputs["userData"]) for inputs in stack.open_inputs.values() if inputs.get("userData")
    )
    (device,) = re.findall(r"What=(/dev/disk/by-id/\S+)", boot_document)
    folder = machine.stack_folder(f"first-{cidr.split('.')[2]}")
    network = bridge.of(folder.name, cidr)
    host = nspawn.Host(folder / "hosts" / "app")
    volume = folder / "data.img"
    bridge.up(network)
    try:
        disk.make(volume, 1)
        spec = nspawn.Spec(
            image=str(host_image),
            bridge=network.bridge,
            network=cidr,
            address=network.address(16),
            gateway=network.gateway,
            memory_mib=3072,
            hostname="app",
        )
        host.make(spec, boot_document)
        host.attach(device, volume)
        host.start()
        yield Server(host, spec.address, key, first, stack, device)
    finally:
        host.remove()
        disk.release(volume)
        bridge.down(network)
        shutil.rmtree(folder, ignore_errors=True)


def props(server: Server, host_key: str) -> dict[str, Any]:
    """The stack's own inputs of the host configuration, for this host."""
    (own,) = [inputs for inputs in server.stack.open_inputs.values() if "farewell" in inputs]
    release = {**own["release"], "repository": str(PROJECT), "commit": head()}
    here = {
        "cloud": "digitalocean",  # its servers are where their address says
        "ssh_host": server.address,
        "ssh_host_key": host_key,
        "private_key": server.key.read_text(),
        "release": release,
    }
    return {**own, **here}


def test_someone_in_between_is_noticed_at_the_first_contact(server: Server) -> None:
    other = first_contact.make_key()[1]
    with pytest.raises(UserError) as error:
        first_contact.own_key(server.target(other))
    assert str(error.value).startswith(
        f"{server.address}: does not answer with the key of its boot document:"
    )


def test_from_the_first_contact_to_an_app_that_answers(server: Server) -> None:
    pinned = first_contact.own_key(server.target(server.first[1]))
    assert pinned == " ".join(server.sh("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
    # A killed run leaves nothing that keeps the next one from the same pin.
    assert first_contact.own_key(server.target(server.first[1])) == pinned

    wanted = props(server, pinned)
    made = HostConfigurationProvider().create(wanted)
    assert made.outs is not None
    assert made.outs["revision"] == wanted["release"]["commit"]
    assert "200 OK" in ask(server.address, "/").splitlines()[0]
    # The data is on the cloud's volume, found by the cloud's own name for it.
    real = server.sh(f"readlink -f {server.device}")
    assert server.sh("findmnt -no SOURCE /data") in {server.device, real}

    # The one-use key is gone, and only the pinned one is answered with.
    assert server.sh("ls /etc/ssh | grep -c first || true") == "0"
    with pytest.raises(UserError, match="does not answer with the key of its boot document"):
        first_contact.own_key(server.target(server.first[1]))
    ssh.converse(server.target(pinned), "true", b"", lambda *_: None, deadline_s=20)
