"""The hosts of a stack: their names, addresses and identities.

A host's id is ``<stack>/<name>/<token>``. The token is new with every host, so that an old id never
means a new host at the same place. The name is derived from the resource's, in one of a few slots:
a replacement that is made before the old one goes needs a second one, and whatever else is found
in a slot is left over from a run that was killed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from components.clouds.local.hosts import image, machine
from components.clouds.local.hosts.nspawn import Host, Spec
from components.clouds.local.net import bridge
from components.errors import StepFailed

SLOTS = ("", "-b", "-c")


def every(stack: str) -> list[Host]:
    """All hosts of the stack, half-made ones too."""
    markers = (machine.stack_folder(stack) / "hosts").glob("*/host.json")
    return [Host(marker.parent) for marker in sorted(markers)]


def id_of(host: Host) -> str:
    stack = _stack_folder(host).name
    return f"{stack}/{host.folder.name}/{host.marker()['token']}"


def find(host_id: str) -> Host | None:
    """The host with this id; ``None`` when it is gone, whatever has its place now.

    Whoever has an id has it from the engine's state: the host is noted as known there.
    """
    parts = host_id.split("/")
    if len(parts) != 3:
        return None
    host = Host(machine.stack_folder(parts[0]) / "hosts" / parts[1])
    return host if host.know(parts[2]) else None


def lay_down(
    network: bridge.Network,
    stack: str,
    name: str,
    *,
    numbers: Iterable[int],
    memory_mib: int,
    user_data: str | None,
) -> Host:
    """Choose a slot and an address for a new host and make its files; it is not started.

    ``numbers`` are the last numbers of the addresses that it may have. The lowest free one: a
    server that replaces one which is gone gets its address.
    """
    lower = image.ensure()
    with machine.lock(machine.stack_folder(stack)):
        host = _free_slot(stack, name)
        taken = {other.spec().address for other in every(stack) if other.folder != host.folder}
        free = [network.address(number) for number in numbers]
        address = next((candidate for candidate in free if candidate not in taken), None)
        if address is None:
            raise StepFailed(f"No address is free for {name} in {network.cidr}")
        spec = Spec(
            image=str(lower),
            bridge=network.bridge,
            network=network.cidr,
            address=address,
            gateway=network.gateway,
            memory_mib=memory_mib,
            hostname=name,
        )
        host.make(spec, user_data)
    return host


def remove(host: Host) -> None:
    """Stop a host and delete it. Whoever writes to all hosts of the stack (``names.py``) holds the
    stack meanwhile, and finds each of them whole or not at all."""
    host.stop()
    with machine.lock(_stack_folder(host)):
        host.remove()


def give_up(host: Host) -> None:
    """Remove a host that did not come up; its console's output stays in the stack's folder."""
    console = host.console.read_text(errors="replace") if host.console.exists() else ""
    host.kill()
    remove(host)
    machine.write(host.failed_log, console, 0o600)


def wipe(stack: str) -> None:
    """Remove every host of the stack, and the consoles of those that did not come up."""
    for host in every(stack):
        remove(host)
    for log in machine.stack_folder(stack).glob("failed-*.log"):
        log.unlink()


def _stack_folder(host: Host) -> Path:
    return host.folder.parent.parent


def _free_slot(stack: str, name: str) -> Host:
    folder: Path = machine.stack_folder(stack) / "hosts"
    for slot in SLOTS:
        host = Host(folder / f"{name}{slot}")
        marker = host.marker()
        if not (marker.get("complete") and marker.get("known")):
            return host
    raise StepFailed(
        f"{folder}/{name}: all places are taken, by hosts that no run has taken away",
        f"`make down STACK={stack}` does; its data stays. Then `make up STACK={stack}`.",
    )
