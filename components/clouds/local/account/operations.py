"""What the commands do on this machine around a run (``components/seam/operations.py``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.clouds.local import checks
from components.clouds.local.account import preflight as lacks
from components.clouds.local.bucket import program
from components.clouds.local.database import cluster, following, replication
from components.clouds.local.database import failover as takeover
from components.clouds.local.hosts import at_boot, disk, image, machine, ownership
from components.clouds.local.hosts import inventory as machine_hosts
from components.clouds.local.net import bridge, iptables, joined
from components.clouds.local.resources.volume import file_of
from components.seam import buckets
from components.seam.operations import Operations, Reporter
from components.settings import Settings
from components.settings.problems import raise_all

SAY_EVERY_S = 10


def preflight(settings: Settings) -> None:
    """Raise ``UserError`` with all that this cloud or this machine lacks; change nothing."""
    checks.check(settings)
    server = program.lack() if _has_bucket(settings) else None
    raise_all(
        [*lacks.preflight(settings.stack, settings.network.cidr), *([server] if server else [])]
    )


def prepare(settings: Settings, say: Reporter) -> None:
    """Build the host image, once on this machine, and the S3 server, once for a user, where a
    bucket needs it: a minute or two each."""
    if _has_bucket(settings):
        program.ensure(say)
    if image.exists():
        return
    spoken = -SAY_EVERY_S

    def progress(step: str, elapsed_s: float) -> None:
        nonlocal spoken
        if elapsed_s - spoken >= SAY_EVERY_S or step == "built":
            spoken = int(elapsed_s)
            say(f"Host image: {step}, {elapsed_s:.0f} s")

    say("Host image: Debian 13 is built once on this machine, about a minute or two")
    image.ensure(progress)


def _has_bucket(settings: Settings) -> bool:
    return settings.storage.bucket or settings.backups.in_clouds_bucket


def hosts(stack: str) -> dict[str, str]:
    """The state of every host of the stack, by name."""
    return {host.folder.name: host.state() for host in machine_hosts.every(stack)}


def stopped(settings: Settings) -> list[str]:
    """One sentence for each part of a stack that should run and does not."""
    return [f"{settings.stack}: {part} is down." for part in at_boot.stopped(settings.stack)]


def databases(stack: str) -> list[dict[str, Any]]:
    """Every member of the stack's database: its role now, and whether it does what that asks."""
    rows = []
    for known in cluster.every(stack):
        primary = known.host(known.primary)
        follow = replication.streams(primary) if primary and replication.answers(primary) else {}
        for member, _ in known.members:
            host, stream = known.host(member), follow.get(cluster.slot(member))
            rows.append(
                {
                    "name": member,
                    "role": known.role(member),
                    "well": host is not None and following.is_well(host, known, member),
                    "synchronous": member == known.synchronous,
                    "lag_bytes": stream.lag_bytes if stream else None,
                }
            )
    return rows


def failover(settings: Settings) -> takeover.Takeover:
    """The plan of a failover, which runs it as well."""
    return takeover.plan(settings.stack)


def leftovers(stack: str) -> list[str]:
    """What the stack has on this machine: volumes that were kept, and anything forgotten."""
    folder = machine.stack_folder(stack)
    lines = [f"host {host.folder}, {host.state()}" for host in machine_hosts.every(stack)]
    for file in sorted((folder / "volumes").glob("*.img")):
        used = file.stat().st_blocks * 512 // 1024**2
        device = disk.loop(file)
        shown = f", shown as {device}" if device else ""
        shown += ": the backups" if _is_backups(file, stack) else ""
        lines.append(f"volume {file}, {disk.size_gib(file)} GiB, {used} MiB of it used{shown}")
    lines += [f"console of a host that did not come up {log}" for log in folder.glob("*.log")]
    network = bridge.names_of(stack)
    lines += [f"network interface {network.bridge}"] if bridge.exists(network) else []
    lines += [f"firewall table {network.table}"] if bridge.table_exists(network) else []
    lines += [f"rule of iptables: {rule}" for rule in iptables.rules(network.bridge)]
    return lines


def _is_backups(file: Path, stack: str) -> bool:
    return file.stem == buckets.backups(stack)


def delete_data(stack: str, with_backups: bool = True) -> list[str]:
    """Delete the stack's volumes for good, and whatever else it has here; say what it was."""
    lines = leftovers(stack)
    machine_hosts.wipe(stack)
    folder = machine.stack_folder(stack)
    for file in (folder / "volumes").glob("*.img"):
        if _is_backups(file, stack) and not with_backups:
            lines = [line for line in lines if str(file) not in line]
            disk.release(file)
            continue
        disk.release(file)
        file.unlink()
        cluster.forget(stack, file.stem)
    at_boot.disable(stack)
    (folder / "names.json").unlink(missing_ok=True)
    bridge.down(bridge.names_of(stack))
    (folder / "network.json").unlink(missing_ok=True)
    ownership.release(stack)
    return lines


def stored(resources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What the volumes of buckets take on this machine's disk."""
    sizes = {}
    for resource in resources:
        if (
            str(resource["type"]).endswith("/local:Volume")
            and file_of(str(resource["id"])).exists()
        ):
            used = file_of(str(resource["id"])).stat().st_blocks * 512 // 1024**2
            sizes[str(resource["urn"])] = f"{used} MiB on this machine's disk"
    return sizes


OPERATIONS = Operations(
    asks=False,  # nothing here costs money or is seen by others
    preflight=preflight,
    prepare=prepare,
    hosts=hosts,
    stopped=stopped,
    databases=databases,
    failover=failover,
    join=joined.join,
    leftovers=leftovers,
    stored=stored,
    delete_data=delete_data,
)
