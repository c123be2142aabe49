"""How a promotion stands, in words: for ``status`` of its two stacks and ``promote``. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scripts.lib.health import Trouble


def stacks(stack: str, promotion: Mapping[str, Any]) -> tuple[str, str]:
    """The stage 1 and the stage 2 stack, as the server of ``stack`` knows them."""
    other = str(promotion["other"])
    return (stack, other) if promotion["side"] == "from" else (other, stack)


def line(stack: str, promotion: Mapping[str, Any]) -> str:
    """Where it is; empty without one."""
    if not promotion:
        return ""
    old, new = stacks(stack, promotion)
    if promotion["phase"] == "copying":
        return (
            f"PROMOTION: the database of {old} is copied to {new}; {command(old, new)} shows how"
            " far it is"
        )
    return (
        f"PROMOTION: the app of {old} uses the database of {new}; --finish ends it"
        f"{_way_back(promotion['way_back'])}"
    )


def troubles(stack: str, promotion: Mapping[str, Any]) -> list[Trouble]:
    """What is wrong with its way back."""
    back = promotion.get("way_back") if promotion else None
    if not back:
        return []
    old, new = stacks(stack, promotion)
    if back["state"] == "lost":
        return [
            Trouble(
                "promotion",
                f"NO WAY BACK to {old}: the database of {new} has lost its replication slot, as in"
                f" a failover, and alone has what was written since",
                f"{command(old, new, '--finish')} keeps it",
            )
        ]
    if back["state"] == "open" and not back["active"]:
        return [
            Trouble(
                "promotion",
                f"{old} does not follow {new}, {back['bytes']} bytes behind: if that lasts, there"
                " is no way back",
                f"{command(old, new)} starts the tunnel again; PostgreSQL's log on {old} has more",
            )
        ]
    return []


def command(old: str, new: str, step: str = "") -> str:
    return f"`./stages promote --from {old} --to {new}{' ' if step else ''}{step}`"


def _way_back(back: Mapping[str, Any]) -> str:
    if back.get("state") == "open":
        return f", --rollback goes back (it is {back['bytes']} bytes behind)"
    if back.get("state") == "lost":
        return ", and there is NO WAY BACK"
    return "; whether there is a way back could not be checked"
