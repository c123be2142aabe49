"""Brings a stack back after a boot of the machine, as a cloud's servers come back by themselves.

    python -m components.clouds.local.hosts.at_boot STACK

Where systemd runs the machine a stack that is up has a unit that does it, enabled when its network
is made and removed when that goes. Elsewhere `make up` notices that hosts are off. Knows only what
the local cloud has noted: state, passphrase and engine are not needed.
"""

from __future__ import annotations

import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from components.clouds.local.hosts import inventory, machine, units
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.hosts.ownership import CHECKOUT
from components.clouds.local.net import bridge
from components.errors import StepFailed, UserError

UNIT = Path(__file__).parent / "files" / "at-boot.service"


def enable(stack: str) -> str:
    """Have the stack brought back at each boot of the machine, if systemd runs it. Repeatable.

    Returns why that is not done, or nothing. The unit runs this checkout as root: in a folder like
    ``/tmp``, which a boot empties, any user of the machine may put something else in its place.
    """
    if units.systemd_runs():
        used = (CHECKOUT, Path(sys.executable), machine.root().absolute())
        if anyones := next(filter(None, map(_open_to_all, used)), None):
            units.uninstall(_unit(stack))
            return (
                f"{stack} is not brought back at a boot of the machine: every user may write to"
                f" {anyones}, where it would be run from"
            )
        text = UNIT.read_text()
        for name, value in {
            "STACK": stack,
            "ROOT": str(machine.root().absolute()),
            "CHECKOUT": str(CHECKOUT),
            "PYTHON": sys.executable,
        }.items():
            text = text.replace(f"@{name}@", value.replace("%", "%%"))
        units.install(_unit(stack), text)
    return ""


def _open_to_all(path: Path) -> Path | None:
    """The folder above a path, or the path itself, that every user may write to."""
    for folder in (path, *path.parents):
        if folder.exists() and folder.stat().st_mode & stat.S_IWOTH:
            return folder
    return None


def disable(stack: str) -> None:
    """Take the unit away. Repeatable."""
    if units.systemd_runs():
        units.uninstall(_unit(stack))


def bring_back(stack: str) -> None:
    """Start everything of a stack that is up: network, static address, hosts with their volumes.

    Returns while the hosts boot. Raises ``UserError`` with the problem of every host that does not
    start; the others have started then.
    """
    network = bridge.noted(stack)
    if network is None:
        return
    bridge.up(network)
    server = inventory.find(bridge.noted_server(stack))
    if server is not None:
        bridge.point(network, server.spec().address)
    with ThreadPoolExecutor() as pool:
        problems = [problem for problem in pool.map(_start, _wanted(stack)) if problem]
    if problems:
        raise StepFailed("\n".join(problems), f"`make up STACK={stack}` tries again.")


def stopped(stack: str) -> list[str]:
    """The parts of a stack that is up which are down: after a boot of the machine, or when somebody
    stopped them."""
    network = bridge.noted(stack)
    if network is None:
        return []
    parts = [] if bridge.is_up(network) else [f"network {network.cidr}"]
    server = inventory.find(bridge.noted_server(stack))
    if server is not None and not parts and bridge.pointed(network) != server.spec().address:
        parts.append(f"static address {network.static_address}")
    return parts + [
        f"host {host.folder.name}" for host in _wanted(stack) if host.state() != "running"
    ]


def _wanted(stack: str) -> list[Host]:
    """The hosts that the stack is made of.

    A host is known once the engine has asked for it by the id in its state, which it does in the
    ``up`` after the one that made it, or for a server when the address is assigned. So what is not
    known is a database or a bucket of the first ``up``; or, beside a known host of its name, what
    a run left that was killed in a replacement.
    """
    complete = [host for host in inventory.every(stack) if host.marker().get("complete")]
    known = {host.spec().hostname for host in complete if host.marker().get("known")}
    return [
        host for host in complete if host.marker().get("known") or host.spec().hostname not in known
    ]


def _start(host: Host) -> str:
    try:
        host.start()
    except UserError as error:
        return f"{host.folder.name}: {error}"
    return ""


def _unit(stack: str) -> str:
    digest = machine.digest(str(machine.stack_folder(stack).absolute()))
    return f"stages-stack-{stack}-{digest}.service"


if __name__ == "__main__":
    os.umask(0o077)
    try:
        bring_back(sys.argv[1])
    except UserError as problem:
        sys.exit(str(problem))
