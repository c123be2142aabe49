"""The names of a stack's databases: on every host of the stack, in ``/etc/hosts``.

What a cloud's name servers do for its managed databases. PgBouncer reads the file anew when it
changes, within ``dns_max_ttl``; so does everything that looks names up by the C library.
"""

from __future__ import annotations

from components.clouds.local.hosts import inventory, machine
from components.clouds.local.hosts.nspawn import Host

FILE = "/etc/hosts"
_FIRST = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"


def publish(stack: str, name: str, address: str | None) -> None:
    """Let a name lead to an address, on all hosts there are and on all that come; ``None``: no
    longer anywhere."""
    folder = machine.stack_folder(stack)
    with machine.lock(folder):
        known = _known(stack)
        known.pop(name, None)
        machine.write_json(
            folder / "names.json", known if address is None else {**known, name: address}
        )
        for host in inventory.every(stack):
            _write(stack, host)


def tell(stack: str, host: Host) -> None:
    """Write all names into the file of a new host."""
    with machine.lock(machine.stack_folder(stack)):
        _write(stack, host)


def _write(stack: str, host: Host) -> None:
    known, own = _known(stack), host.spec().hostname
    lines = [f"{address} {name}\n" for name, address in sorted(known.items())]
    if own not in known:  # as cloud-init has it, which would else add it at each boot
        lines.insert(0, f"127.0.1.1 {own} {own}\n")
    host.put(FILE, _FIRST + "".join(lines))


def address_of(stack: str, name: str) -> str | None:
    """Where a name leads."""
    return _known(stack).get(name)


def _known(stack: str) -> dict[str, str]:
    return machine.read_json(machine.stack_folder(stack) / "names.json") or {}
