"""The stack's bridge in the machine's own iptables, which Docker, ufw and administrators fill.

Docker sets the policy of FORWARD to DROP where it turns forwarding on itself, so after each boot,
and has the kernel pass what goes from one host of a bridge to another through it as well. It asks
others to put their rules into its chain DOCKER-USER
(https://docs.docker.com/engine/network/packet-filtering-firewalls/).

What is accepted here is still up to the stack's own nftables table (``rules.py``): a packet passes
only where both let it. Rules of nftables itself cannot be opened from elsewhere; ``passage.py``
names those that are in the way.
"""

from __future__ import annotations

import shutil

from components.clouds.local.hosts import machine

DOCKER = "DOCKER-USER"
FORWARD = "FORWARD"
_IPTABLES = ("iptables", "--wait", "10")


def open_for(bridge: str) -> None:
    """Accept what comes from and goes to a bridge, where forwarded packets are dropped otherwise.

    Repeatable: a rule that is there is left alone.
    """
    for chain, rule in _missing(bridge):
        machine.run([*_IPTABLES, "-I", chain, *rule.split()])


def is_open(bridge: str) -> bool:
    """Whether nothing is left to open."""
    return not _missing(bridge)


def close(bridge: str) -> None:
    """Take the rules of a bridge away, in whichever chain they are."""
    for line in rules(bridge):
        _, chain, *rule = line.split()
        machine.run([*_IPTABLES, "-D", chain, *rule])


def rules(bridge: str) -> list[str]:
    """The rules for a bridge that are there, as ``iptables -S`` prints them."""
    wanted = {f"-A {chain} {rule}" for chain in (DOCKER, FORWARD) for rule in _rules(bridge)}
    return [line for line in _listed() if line in wanted]


def _missing(bridge: str) -> list[tuple[str, str]]:
    """Chain and text of each rule that is needed and not there."""
    listed = _listed()
    if f"-A {FORWARD} -j {DOCKER}" in listed:
        chain = DOCKER
    elif any(map(_drops, listed)):
        chain = FORWARD
    else:
        return []
    return [(chain, rule) for rule in _rules(bridge) if f"-A {chain} {rule}" not in listed]


def _rules(bridge: str) -> tuple[str, str]:
    return f"-i {bridge} -j ACCEPT", f"-o {bridge} -j ACCEPT"


def _drops(line: str) -> bool:
    """Whether this is a policy or a rule of FORWARD that drops packets."""
    refuses = line.startswith(f"-A {FORWARD} ") and ("-j DROP" in line or "-j REJECT" in line)
    return refuses or line == f"-P {FORWARD} DROP"


def _listed() -> list[str]:
    """All chains and rules; none where there is no iptables: then nobody has used it."""
    if not shutil.which(_IPTABLES[0]):
        return []
    return machine.run([*_IPTABLES, "-S"], check=False).splitlines()
