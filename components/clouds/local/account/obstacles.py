"""Which firewall of the machine drops a stack's packets, and what lets them through."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import Any

from components.clouds.local.hosts import machine
from components.clouds.local.net import rules
from components.errors import UserError

_FIREWALLD = "firewalld"


def error(bridge: str, closed: Sequence[str]) -> UserError:
    """The error for the directions in which no packet came through."""
    chains = _chains()
    tables = {table for _, table, _ in chains}
    if _FIREWALLD in tables:
        by, remedy = "firewalld", _firewalld(bridge)
    elif chains:
        by = " and ".join(f"chain {chain} of nftables' table {f} {t}" for f, t, chain in chains)
        remedy = _nftables(chains)
    else:
        by, remedy = "a firewall", _other(bridge)
    return UserError(
        f"Hosts of the stack need packets to pass {' and '.join(closed)}, and {by} of this machine "
        "drops them",
        remedy,
    )


def _firewalld(bridge: str) -> str:
    zone = f"firewall-cmd --permanent --zone=trusted --add-interface={bridge}"
    return f"Trust the stack's bridge: {zone} && firewall-cmd --reload"


def _nftables(chains: Sequence[tuple[str, str, str]]) -> str:
    """One command; the pattern is for the bridges of all stacks."""
    name = f'"{rules.PREFIX}*"'
    commands = [
        f"insert rule {' '.join(chain)} {way} {name} accept"
        for chain in chains
        for way in ("iifname", "oifname")
    ]
    return f"Let them pass: nft '{'; '.join(commands)}'. Add the rules to its file to keep them"


def _other(bridge: str) -> str:
    return (
        f"Accept there what comes from and goes to the interface {bridge}: `nft list ruleset` or "
        "`iptables-save` shows its rules"
    )


def _chains() -> list[tuple[str, str, str]]:
    """Base chains for forwarded packets that may drop them, others' than the project's own and
    iptables', which is opened by the stack itself: family, table and chain."""
    listed: list[dict[str, Any]] = json.loads(
        machine.run(["nft", "--json", "list", "ruleset"], check=False) or "{}"
    ).get("nftables", [])
    chains = []
    for item in listed:
        chain = item.get("chain", {})
        if chain.get("hook") != "forward" or chain["table"].startswith("stages_"):
            continue
        ours = chain["family"] in ("ip", "ip6") and chain["table"] == "filter"
        if ours and shutil.which("iptables"):
            continue
        name = (chain["family"], chain["table"], chain["name"])
        if chain.get("policy") == "drop" or _refuses(listed, name):
            chains.append(name)
    return chains


def _refuses(listed: Sequence[dict[str, Any]], name: tuple[str, str, str]) -> bool:
    for item in listed:
        rule = item.get("rule", {})
        if (rule.get("family"), rule.get("table"), rule.get("chain")) == name:
            for part in rule.get("expr", []):
                if "drop" in part or "reject" in part:
                    return True
    return False
