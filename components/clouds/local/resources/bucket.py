"""A bucket, as a resource: an S3 server on a host of its own, which nobody logs in to.

Objects and their earlier versions are on a volume of its own, which outlives the host; a bucket
that is found there is adopted. Only the stack's own servers and databases reach it, over TLS. Their
key reads, writes and hides; the administrator's, which deletes versions, never leaves the host.
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components.clouds.local.bucket import host_files as files
from components.clouds.local.bucket import program
from components.clouds.local.hosts import disk, inventory, machine, names
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.known.names import BUCKET
from components.clouds.local.known.types import KNOWN
from components.clouds.local.resources import keys, network, volume
from components.clouds.local.resources.provider import LocalProvider, gone, missing, outs, yes
from components.errors import StepFailed

ADDRESSES = range(80, 96)
"""Last numbers of buckets' addresses."""
MEMORY_MIB = 256
"""The server takes 60 MiB when idle, measured."""
READY_TIMEOUT_S = 30


class BucketProvider(LocalProvider):
    """One host at a time on a volume, so the old one goes first."""

    known = KNOWN[BUCKET]

    def create(self, props: dict[str, Any]) -> CreateResult:
        program.ensure()
        file = volume.file_of(props["volume_id"])
        host = inventory.lay_down(
            network.require(props["network_id"]),
            props["stack"],
            props["name"],
            numbers=ADDRESSES,
            memory_mib=MEMORY_MIB,
            user_data=None,
        )
        try:
            volume.attach(host, props["device"], file)
            disk.format_blank(file)
            _publish(props, host.spec().address)
            _write(host, props, sign=True)
            host.enable("nftables.service", "sysinit.target")
            host.enable(files.UNIT, "multi-user.target")
            for unit in ("ssh.service", "ssh.socket", "unattended-upgrades.service"):
                host.mask(unit)
            host.note(complete=True)
            host.start()
            _wait(host)
        except BaseException:
            inventory.give_up(host)
            raise
        return CreateResult(inventory.id_of(host), _outs(props, host))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        host = inventory.find(id_)
        return ReadResult(id_, _outs(props, host)) if host else gone()

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Start a bucket that is off, and restart its server with what changed."""
        host = inventory.find(_id)
        if host is None:
            raise missing("Bucket", _id)
        changed = _write(host, _news, sign=_news["ca_pem"] != _olds.get("ca_pem"))
        if host.state() != "running":
            host.start()
        elif changed or not _answers(host):
            for words in (["daemon-reload"], ["restart", "nftables.service", files.UNIT]):
                host.run(["systemctl", *words], timeout_s=READY_TIMEOUT_S)
        _wait(host)
        return UpdateResult(_outs(_news, host))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove the host; what the bucket holds stays on its volume."""
        host = inventory.find(_id)
        if host is not None:
            inventory.remove(host)
        _publish(_props, None)


def called(name: str) -> str:
    """What bucket and host are called: S3 wants small letters."""
    return name.lower()


def _publish(props: dict[str, Any], address: str | None) -> None:
    """Let both forms of the bucket's address lead to the host: path, and bucket in the name."""
    name = called(props["name"])
    for known in (name, f"{name}.{name}"):
        names.publish(props["stack"], known, address)


def _write(host: Host, props: dict[str, Any], *, sign: bool) -> bool:
    """Write all files of the host; answers whether any was another."""
    name, spec = called(props["name"]), host.spec()
    wanted = files.files(
        name=name,
        cidr=spec.network,
        device=props["device"],
        days=int(props["days"]),
        locked=props["locked"] == "yes",
    )
    wanted += files.accounts(props["secret_access_key"])
    if sign:
        signed = keys.sign(
            props["ca_pem"],
            props["ca_key"],
            name=name,
            address=spec.address,
            also=[f"{name}.{name}"],
        )
        wanted += files.certificate(props["ca_pem"], *signed)
    server = host.put(files.PROGRAM, program.ensure().read_bytes(), mode=0o755)
    return any(
        [
            server,
            *(host.put(file.path, file.text, mode=file.mode, owner=file.owner) for file in wanted),
        ]
    )


def _answers(host: Host) -> bool:
    """Whether the server runs with its bucket and rules in place."""
    if host.state() != "running":
        return False
    return host.run(["systemctl", "is-active", "--quiet", files.UNIT]).returncode == 0


def _wait(host: Host) -> None:
    try:
        machine.wait_until(
            f"{host.spec().hostname} should serve its bucket",
            READY_TIMEOUT_S,
            lambda: _answers(host),
        )
    except StepFailed as problem:
        own = f"_SYSTEMD_UNIT={files.UNIT}"  # what its programs say, without systemd's part
        output = host.run(["journalctl", own, "-n", "3", "-o", "cat"]).stdout
        raise StepFailed(f"{problem}: {' | '.join(output.splitlines())}") from problem


def _outs(props: dict[str, Any], host: Host) -> dict[str, Any]:
    return outs(
        props,
        bucket=called(props["name"]),
        endpoint=f"https://{called(props['name'])}",
        address=host.spec().address,
        present=yes(_answers(host)),
    )


class LocalBucket(Resource, module="local", name="Bucket"):
    """A versioned bucket that the stack's own hosts reach."""

    bucket: pulumi.Output[str]
    endpoint: pulumi.Output[str]

    def __init__(
        self, name: str, *, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        outputs = dict.fromkeys(("bucket", "endpoint", "address", "present"))
        hidden = pulumi.ResourceOptions(additional_secret_outputs=["secret_access_key", "ca_key"])
        super().__init__(
            BucketProvider(),
            name,
            {**props, **outputs, "program": program.version()},
            pulumi.ResourceOptions.merge(opts, hidden),
        )
