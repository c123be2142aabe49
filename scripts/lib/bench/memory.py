"""What hosts and their image take of this machine, as the kernel counts it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from components.clouds.local import hosts
from components.errors import UserError

MOUNTS = Path("/sys/fs/cgroup")
MIB = 1024**2


def of_hosts(stack: str) -> dict[str, float]:
    """MiB of each running host of a stack, by name, without file cache that the kernel would drop.

    That is the whole group's usage less its inactive file pages, as container tools show it.
    """
    found = {}
    for host in hosts.every(stack):
        leader = host.leader()
        if leader is None:
            raise UserError(f"Host {host.folder.name} of {stack} should run, got one that is off")
        groups = Path(f"/proc/{leader.pid}/cgroup").read_text()
        found[host.folder.name] = _used_mib(folder(groups, host.key))
    return found


def folder(groups: str, key: str) -> Path:
    """The memory group of a whole host, from its first process' ``/proc/<pid>/cgroup``.

    That process is in a group below; the host's own has the key in its name. A v1 memory controller
    counts where there is one, else the v2 tree. Raises ``UserError`` when neither is the host's.
    """
    lines = [line.split(":", 2) for line in groups.splitlines()]
    v1 = [path for _, names, path in lines if "memory" in names.split(",")]
    v2 = [path for number, _, path in lines if number == "0"]
    root = MOUNTS / "memory" if v1 else MOUNTS
    parts = Path((v1 or v2)[0]).parts[1:]
    depth = next((at for at, part in enumerate(parts, 1) if key in part), None)
    if depth is None:
        raise UserError(f"Host {key}: should have a memory group of its own, got none", exit_code=1)
    return root.joinpath(*parts[:depth])


def _used_mib(group: Path) -> float:
    usage = next(
        file
        for name in ("memory.usage_in_bytes", "memory.current")
        if (file := group / name).exists()
    )
    stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    inactive = int(stat.get("total_inactive_file", stat["inactive_file"]))
    return (int(usage.read_text()) - inactive) / MIB


def of_image(stack: str) -> float:
    """MiB on the disk of the image under the stack's hosts."""
    (image,) = {host.spec().image for host in hosts.every(stack)}
    said = subprocess.run(["du", "-s", "-B1", image], capture_output=True, text=True, check=True)
    return int(said.stdout.split()[0]) / MIB
