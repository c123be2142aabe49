"""How a promotion stands, in words: for ``status`` of its two stacks and ``promote``. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from components.host.agent import promotion_record
from components.host.agent.report import quoted
from planning.promotion.steps import counted
from scripts.lib.health import Trouble, word

SHOWN = 3
KEY = re.compile(r"[\w.:+-]+(, [\w.:+-]+)*")
CLOSE_BYTES = 1024 * 1024
"""A follower that is not further behind keeps up."""
AGAIN = "--verify compares again; --unverified ignores the difference."


def stacks(stack: str, promotion: Mapping[str, Any]) -> tuple[str, str]:
    """The stage 1 and the stage 2 stack, as the server of ``stack`` knows them."""
    other = word(str(promotion["other"]))  # it is in commands to copy
    return (stack, other) if promotion["side"] == "from" else (other, stack)


def forwards(promotion: Mapping[str, Any]) -> bool:
    """Whether a stack's app is on the other one."""
    return promotion.get("side") == "from" and promotion["phase"] in {"switched", "finished"}


def moves(promotion: Mapping[str, Any]) -> bool:
    """Whether requests and jobs are between the two stacks: a step is at work, or was killed."""
    return bool(promotion.get("app", promotion_record.THERE) != promotion_record.THERE)


def stands_by(promotion: Mapping[str, Any]) -> bool:
    """Whether a stack's app is stopped while its database is filled."""
    return promotion.get("side") == "to" and promotion["phase"] == "copying"


def stopped_on_purpose(unit: str, promotion: Mapping[str, Any]) -> bool:
    """Whether a unit of the app is stopped while the database of its stack is filled."""
    return stands_by(promotion) and unit.startswith(("web@", "worker@"))


def lines(stack: str, promotion: Mapping[str, Any]) -> list[str]:
    """Where it is; nothing without one."""
    if not promotion:
        return []
    old, new = stacks(stack, promotion)
    if stands_by(promotion):
        where = (
            f"the app of {new} is stopped for a promotion from {old};"
            f" {command(old, new)} shows the progress"
        )
    elif promotion["phase"] == "copying":
        where = (
            f"the database of {old} is being copied to {new}, whose app is stopped;"
            f" {command(old, new)} shows the progress, --abort undoes it"
        )
    elif promotion["phase"] == "finished":
        where = f"{new} serves the app, and {old} forwards to it until `./stages down {old}`"
    elif promotion["phase"] == "rolled back":
        rollback = command(old, new, "--rollback")
        where = f"{old} serves the app again; {rollback} finishes the rollback"
    elif moves(promotion):
        where = (
            f"the app uses the database of {new}, and its requests and jobs are being moved;"
            f" {_again(old, new, promotion)} continues"
        )
    else:
        where = (
            f"{new} serves the app, and {old} forwards to it; --finish makes it final"
            f"{_way_back(old, promotion['way_back'])}"
        )
    rehearsed = promotion["phase"] == "copying" and promotion.get("by") == "dump"
    follows = promotion["phase"] in {"copying", "switched"} and not rehearsed
    compared = promotion.get("compared") if follows else None
    return [f"PROMOTION: {where}", *_compared(compared or {})]


def until_finish(old: str, new: str, *, back: bool) -> list[str]:
    """What holds after the switch, and what comes next."""
    serves = f"{new} serves the app, and {old} forwards to it."
    if not back:
        return [
            f"{serves} There is NO WAY BACK.",
            f"Next: point the site's domain to {new}, and deploy there. Then --finish.",
        ]
    return [
        f"{serves} --rollback goes back, with everything written since.",
        f"Until --finish: deploy to {new} only, and without migrations (once a table has changed,"
        f" --rollback is impossible); leave the site's domain pointing to {old}.",
        f"Next: watch `./stages status {new}` for a day, then --finish.",
    ]


def troubles(stack: str, promotion: Mapping[str, Any]) -> list[Trouble]:
    """What is wrong with it."""
    if not promotion:
        return []
    return [
        *_of_the_way_back(stack, promotion),
        *([] if moves(promotion) else of_the_files(stack, promotion)),  # they go last
        *of_the_rows(stack, promotion),
    ]


def without_way_back(stack: str, promotion: Mapping[str, Any]) -> list[Trouble]:
    """Why there is none, if so."""
    back = promotion["way_back"]
    old, new = stacks(stack, promotion)
    if back and back["state"] == "lost":
        what = (
            f"NO WAY BACK to {old}: the database of {new} has lost its replication slot, as in a"
            " failover, and only it has what was written since"
        )
    elif back and back["state"] == "changed":
        what = (
            f"NO WAY BACK to {old}: {_changed(back)} of {new} since the switch, and replication"
            " does not copy schema changes"
        )
    elif back and back["state"] == "none":
        what = f"NO WAY BACK to {old}, as the plan said: {not_followed(back['unfit'])}"
    else:
        return []
    keeps = f"{command(old, new, '--finish')} keeps the new database"
    return [Trouble("promotion", what, keeps)]


def _of_the_way_back(stack: str, promotion: Mapping[str, Any]) -> list[Trouble]:
    back = promotion["way_back"]
    old, new = stacks(stack, promotion)
    if not back or back["state"] == "none":
        return []
    if back["state"] in {"lost", "changed"}:
        return without_way_back(stack, promotion)
    if back["state"] == "open" and not back["active"]:
        what = f"{old} receives no changes from {new}, {back['bytes']} bytes behind: if that lasts,"
        again = _again(old, new, promotion)
        remedy = f"{again} restarts the tunnel; PostgreSQL's log on {old} has more"
        if back.get("keeps_all"):
            what += f" the WAL kept for it fills the disk of the database of {new}"
            remedy += (
                f"; {command(old, new, '--finish')} ends the promotion without a way back, and"
                " frees that WAL"
            )
        else:
            what += " there is no way back"
        return [Trouble("promotion", what, remedy)]
    return []


def of_the_files(stack: str, promotion: Mapping[str, Any]) -> list[Trouble]:
    """Users' files that are not all on stage 2, after the switch."""
    if promotion["phase"] != "switched" or promotion.get("files") != "pending":
        return []
    old, new = stacks(stack, promotion)
    return [
        Trouble(
            "promotion",
            f"USERS' FILES of {old} are not all in the bucket of {new}",
            f"{command(old, new, '--switch')} copies them;"
            f" {command(old, new, '--finish --without-files')} leaves them",
        )
    ]


def of_the_rows(stack: str, promotion: Mapping[str, Any]) -> list[Trouble]:
    """Rows that differ, and the ways out."""
    compared = promotion.get("compared") or {}
    if compared.get("state") != "differs":
        return []
    old, new = stacks(stack, promotion)
    first, other = (old, new) if promotion["phase"] == "copying" else (new, old)
    tables = ", ".join(_difference(table, first, other) for table in compared["differs"])
    what = f"THE TWO DATABASES DIFFER in {tables}"
    if promotion["phase"] == "copying":
        return [Trouble("promotion", what, f"Start again with --abort, then --copy. {AGAIN}")]
    return [
        Trouble(
            "promotion",
            what,
            f"--rollback goes back to the rows of {old}. Or correct them in `./stages db console"
            f" {new}`: this is replicated to {old}. {AGAIN}",
        )
    ]


def _difference(table: Mapping[str, Any], first: str, other: str) -> str:
    """``public.orders (2 rows: 17, 18 only in shop)``."""
    count = int(table["rows"])
    if not count:
        return f"{table['table']} (only in one of them)"
    some = f"{'at least ' if table['at_least'] else ''}{counted(count, 'row')}"
    alone = {"first": f" only in {first}", "other": f" only in {other}"}
    keys = ", ".join(f"{_key(key)}{alone.get(side, '')}" for key, side in table["keys"])
    more = ", ..." if len(table["keys"]) < count else ""
    return f"{table['table']} ({some}{f': {keys}{more}' if keys else ''})"


def _key(key: str) -> str:
    """A row's own words, in quotes unless they are like a number or an id."""
    return key if KEY.fullmatch(key) else quoted(key)


def _compared(compared: Mapping[str, Any]) -> list[str]:
    state = compared.get("state")
    if state == "same":
        moment = datetime.fromtimestamp(compared["ended"], UTC)
        tables = counted(compared["tables"], "table")
        return [f"  every row of {tables} compared at {moment:%Y-%m-%d %H:%M}: no difference"]
    if state == "running":
        return [
            f"  rows are being compared: {compared['done']} of {compared['tables']} tables done"
        ]
    if state == "failed":
        return [f"  rows could not be compared: {compared['failed']}"]
    return ["  rows not compared yet: run --verify"] if state == "none" else []


def command(old: str, new: str, step: str = "") -> str:
    return f"`./stages promote --from {old} --to {new}{' ' if step else ''}{step}`"


def _again(old: str, new: str, promotion: Mapping[str, Any]) -> str:
    """The step that was interrupted, if one was: ``promote`` alone changes nothing then."""
    if not moves(promotion):
        return command(old, new)
    is_back = promotion["app"] == promotion_record.RETURNING
    return command(old, new, "--rollback" if is_back else "--switch")


def _way_back(old: str, back: Mapping[str, Any]) -> str:
    if back.get("state") == "open":
        normal = ", which is normal" if back["active"] and 0 < back["bytes"] < CLOSE_BYTES else ""
        return f", --rollback goes back ({old} is {back['bytes']} bytes behind{normal})"
    if back.get("state") == "lost":
        return ", and there is NO WAY BACK"
    if back.get("state") == "changed":
        return f", and there is NO WAY BACK: {_changed(back)}"
    if back.get("state") == "none":
        return f", and there is NO WAY BACK: {not_followed(back['unfit'])}"
    return "; whether there is a way back could not be checked"


def not_followed(unfit: Sequence[str]) -> str:
    return f"changes to {_names(unfit) or 'some tables'} cannot be replicated to stage 1"


def _changed(back: Mapping[str, Any]) -> str:
    return f"{_names(back['tables'])} changed in the database"


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(str, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")
