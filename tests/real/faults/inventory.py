"""Everything of a stack that the machine and the engine's state have, to compare two ends of `up`.

Identities that are made anew each time (ids, keys, passwords, process numbers) are left out.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from components.clouds.local.hosts import inventory as hosts
from components.clouds.local.hosts import machine
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.net import bridge
from tests.real.engine_checkout import alive
from tests.support.clone import Stack
from tests.support.waiting import until

RANDOM = (
    "dbname|host_key|pin|token|_id$|^id$|password|secret|key|cert|pem|present|known_host|"
    "converged|digest|user_data|since|provider"
)
"""Names of outputs whose values are another stack's when it is made anew."""
DEEP = 3
"""Levels below the stack's folder; below are the hosts' own files."""


def inventory(stack: Stack) -> dict[str, Any]:
    """What there is, by where it was looked for."""
    folder = machine.stack_folder(stack.name)
    network = bridge.names_of(stack.name)
    return {
        "interfaces": _interfaces(network.bridge),
        "tables": _said("nft", "list", "table", "inet", network.table),
        "mounts": [line for line in _said("cat", "/proc/mounts") if str(folder) in line],
        "devices": sorted(
            line.split()[-1]
            for line in _said("losetup", "--list", "--noheadings", "-O", "BACK-FILE")
            if str(folder) in line
        ),
        "folders": _tree(folder),
        "groups": sorted(
            str(path)
            for path in Path("/sys/fs/cgroup").glob("*/stages-*")
            if path.name in {f"stages-{host.key}" for host in hosts.every(stack.name)}
        ),
        "processes": _processes(folder),
        "units": {host.folder.name: _units(host) for host in hosts.every(stack.name)},
        "files of databases": _said("cat", str(folder / "names.json")),
        "resources": _resources(stack),
        "locks": _locks(stack),
        "providers": _providers(stack),
    }


def _said(*argv: str) -> list[str]:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def _interfaces(name: str) -> list[str]:
    """The bridge with its addresses, and what is plugged into it."""
    own = [" ".join(line.split()[1:]) for line in _said("ip", "-brief", "address", "show", name)]
    return own + sorted(
        line.split("@")[0].split()[0]
        for line in _said("ip", "-brief", "link", "show", "master", name)
    )


def _tree(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if len(path.relative_to(folder).parts) <= DEEP
    )


def _processes(folder: Path) -> list[str]:
    """The supervisors of the stack's hosts, and anything else that names its folder."""
    command_lines = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                argv = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if f"{folder}/" in argv:
                command_lines.append(re.sub(r"\s+", " ", argv)[:100])
    return sorted(command_lines)


def _units(host: Host) -> list[str]:
    """The services that run on a host for good; none has failed."""
    listing = ["systemctl", "list-units", "--plain", "--no-legend", "--type=service"]

    def settled() -> bool:
        return not host.run([*listing, "--state=activating,deactivating"]).stdout.strip()

    until(f"{host.spec().hostname} to come to rest", settled, 60)
    running = host.run([*listing, "--state=running,failed"]).stdout.splitlines()
    passing = re.compile(r"(apt-|man-db|logrotate|dpkg|e2scrub|certbot|samples|user|systemd-)")
    return sorted(" ".join(line.split()[:4]) for line in running if not passing.match(line))


def _resources(stack: Stack) -> dict[str, Any]:
    latest = stack.state()["checkpoint"]["latest"]
    return {
        "pending": latest.get("pending_operations") or [],
        **{
            resource["urn"]: {
                "protect": resource.get("protect", False),
                "parent": resource.get("parent"),
                "dependencies": sorted(resource.get("dependencies") or []),
                "going": resource.get("delete", False),
                "outputs": {
                    key: value
                    for key, value in (resource.get("outputs") or {}).items()
                    if not re.search(RANDOM, key) and isinstance(value, str | int | float | bool)
                },
            }
            for resource in latest["resources"]
        },
    }


def _locks(stack: Stack) -> list[str]:
    folder = stack.clone.path / ".stages/state/.pulumi/locks"
    return [str(path) for path in folder.rglob(f"{stack.name}/*.json")]


def _providers(stack: Stack) -> list[int]:
    """Provider processes of the clone that are alive after the end of each run."""
    notes = (stack.clone.path / ".stages/providers").glob("*")
    return [int(note.name) for note in notes if note.name.isdigit() and alive(int(note.name))]
