"""The one way between two stacks' networks, as long as a promotion goes on: SSH from the stage 2
network to stage 1's. A rule in the table of each, marked; gone with the table, put back by the next
command of the promotion.
"""

from __future__ import annotations

import json

from components.clouds.local.hosts import machine, ownership
from components.clouds.local.net import bridge
from components.errors import not_up
from components.settings import Settings

MARK = "stages-promotion"


def join(old: Settings, new: Settings, open_: bool) -> None:
    """Let ``new``'s servers reach SSH of ``old``'s under their own addresses, or no more."""
    ours, theirs = bridge.noted(old.stack), bridge.noted(new.stack)
    if not open_:
        for network in (ours, theirs):
            if network and bridge.table_exists(network):
                _remove(network)
        return
    for stack, network in ((old.stack, ours), (new.stack, theirs)):
        ownership.refuse_foreign(stack)  # as the `up` of a step would, in its middle
        if network is None or not bridge.table_exists(network):
            raise not_up(stack)
    assert ours is not None and theirs is not None  # noqa: S101 - for mypy
    with machine.lock():
        way = f'iifname "{theirs.bridge}" oifname "{ours.bridge}" tcp dport 22 accept'
        _insert(ours, "forward", way)
        # Else it would come under the address of the machine.
        _insert(theirs, "postrouting", f"ip saddr {theirs.cidr} ip daddr {ours.cidr} accept")


def _insert(network: bridge.Network, chain: str, rule: str) -> None:
    if not _handles(network, chain):
        words = ["insert", "rule", "inet", network.table, chain, rule, f'comment "{MARK}"']
        machine.run(["nft", " ".join(words)])


def _remove(network: bridge.Network) -> None:
    with machine.lock():
        for chain in ("forward", "postrouting"):
            for handle in _handles(network, chain):
                place = ["inet", network.table, chain, "handle", str(handle)]
                machine.run(["nft", "delete", "rule", *place])


def _handles(network: bridge.Network, chain: str) -> list[int]:
    listed = json.loads(
        machine.run(["nft", "-j", "-a", "list", "chain", "inet", network.table, chain])
    )
    rules = [item["rule"] for item in listed["nftables"] if "rule" in item]
    return [int(rule["handle"]) for rule in rules if rule.get("comment") == MARK]
