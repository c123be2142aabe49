"""What hosts and their image use of this machine, as the kernel counts it: for measurements."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

from components.clouds.local.hosts import inventory
from components.clouds.local.hosts.nspawn import Host
from components.errors import StepFailed

MOUNTS = Path("/sys/fs/cgroup")
MIB = 1024**2


def memory_mib(stack: str) -> dict[str, float]:
    """MiB of each running host of a stack, by name, without file cache that the kernel would drop.

    That is the whole group's usage less its inactive file pages, as container tools show it.
    """
    used = {}
    for host in inventory.every(stack):
        used[host.folder.name] = _used_mib(memory_group(_groups(host), host.key))
    return used


def memory_group(groups: str, key: str) -> Path:
    """The memory group of a whole host, from its first process' ``/proc/<pid>/cgroup``.

    That process is in a group below; the host's own has the key in its name. A v1 memory controller
    counts where there is one, else the v2 tree. Raises ``UserError`` when neither is the host's.
    """
    lines = [line.split(":", 2) for line in groups.splitlines()]
    v1 = [path for _, names, path in lines if "memory" in names.split(",")]
    v2 = [path for number, _, path in lines if number == "0"]
    own = _up_to(key, (v1 or v2)[0])
    if own is None:
        raise StepFailed(f"Host {key}: should have a memory group of its own, got none")
    return (MOUNTS / "memory" if v1 else MOUNTS) / own


def processor_s(host: Host) -> float:
    """Seconds of processor that all of a host's processes have used, ended ones too."""
    stat = dict(line.split() for line in (unified(host) / "cpu.stat").read_text().splitlines())
    return int(stat["usage_usec"]) / 1_000_000


def threads(host: Host) -> set[int]:
    """Every thread of every process of the host."""
    ids: set[int] = set()
    for file in unified(host).rglob("cgroup.procs"):
        for pid in file.read_text().split():
            with suppress(FileNotFoundError):
                ids.update(int(task.name) for task in Path(f"/proc/{pid}/task").iterdir())
    return ids


def unified(host: Host) -> Path:
    """The host's whole group in the v2 tree, which counts processor time on each kind of machine.

    Its first process is in a group below; the host's own has the key in its name.
    """
    path = next(
        line.partition("::")[2] for line in _groups(host).splitlines() if line.startswith("0::")
    )
    root = MOUNTS / "unified" if (MOUNTS / "unified").exists() else MOUNTS
    return root / (_up_to(host.key, path) or Path())


def _up_to(key: str, path: str) -> Path | None:
    parts = Path(path).parts[1:]
    depth = next((at for at, part in enumerate(parts, 1) if key in part), None)
    return None if depth is None else Path(*parts[:depth])


def _groups(host: Host) -> str:
    leader = host.leader()
    if leader is None:
        raise StepFailed(f"Host {host.folder.name} should run, got one that is off")
    return Path(f"/proc/{leader.pid}/cgroup").read_text()


def _used_mib(group: Path) -> float:
    usage = next(
        file
        for name in ("memory.usage_in_bytes", "memory.current")
        if (file := group / name).exists()
    )
    stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    inactive = int(stat.get("total_inactive_file", stat["inactive_file"]))
    return (int(usage.read_text()) - inactive) / MIB


def image_mib(stack: str) -> float:
    """MiB on the disk of the image under the stack's hosts."""
    (image,) = {host.spec().image for host in inventory.every(stack)}
    result = subprocess.run(["du", "-s", "-B1", image], capture_output=True, text=True, check=True)
    return int(result.stdout.split()[0]) / MIB
