"""How a promotion stands, for whoever asks one of its two servers; changes nothing.

After the switch the old database follows the new one through a replication slot there. It is the
way back: a failover of the new database, or an apply that stands still for long, ends it for good.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.host.agent import promotion_pooler, promotion_record
from components.host.agent.files import read_json
from components.host.agent.promotion_shape import NOT_FOLLOWED, NOT_PUBLISHED, SHAPE, differing
from components.host.agent.promotion_sql import BACK, ask_old, lag_of, rows
from components.host.agent.report import Failed

COMPARING = Path("/run/stages-promotion-compare.lock")
"""Held while the tables are compared."""
OPEN, LOST, CHANGED, NONE, UNKNOWN = "open", "lost", "changed", "none", "unknown"
ASKED = f"""
SELECT json_build_object('slot', ({lag_of(BACK)}),
    'keeps_all', current_setting('max_slot_wal_keep_size') = '-1',
    'published', EXISTS (SELECT FROM pg_publication WHERE pubname = '{BACK}'),
    'shape', ({SHAPE}), 'not_published', ({NOT_PUBLISHED}))
"""


def state(_document: dict[str, Any]) -> dict[str, object]:
    """Phase, other stack and way back; empty where there is no promotion."""
    record = promotion_record.read()
    if not record:
        return {}
    known = {key: record.get(key, "") for key in ("phase", "side", "other")}
    switched = record["phase"] == promotion_record.SWITCHED
    has_two = switched or record["phase"] == promotion_record.COPYING
    return {
        **known,
        "by": record.get("by", promotion_record.LOGICAL),
        "way_back": _asked(record) if switched else {},
        "since": record.get("at", 0) if switched else 0,
        **({"files": record["files"]} if record.get("files") else {}),
        **({"app": _app(record)} if switched and record["side"] == "from" else {}),
        "compared": compared(record) if record["side"] == "from" and has_two else {},
        "unfit": _not_followed(record),
    }


def _app(record: Mapping[str, Any]) -> str:
    """On its way back until the database is, too."""
    if record.get("switching") == "from":
        return promotion_record.RETURNING
    return str(record.get("app", promotion_record.HERE))


def refuse_to_end_way_back(document: dict[str, Any]) -> None:
    """Raise ``Failed`` for an ``apply`` on stage 2 whose release command may change the tables that
    stage 1 follows."""
    record = promotion_record.read()
    switched = record.get("phase") == promotion_record.SWITCHED and record["side"] == "to"
    if not switched or record.get("migrations"):
        return
    if promotion_record.may_change_tables(document) and _asked(record)["state"] in {OPEN, UNKNOWN}:
        raise Failed(
            "a promotion",
            f"from {record['other']} can still be rolled back, but not once the release command of"
            " another revision has changed a table",
            "Run `./stages promote --finish` first, or --allow-migrations: then there is NO WAY"
            " BACK once a table has changed.",
        )


def compared(record: Mapping[str, Any]) -> dict[str, object]:
    """What came of the last comparison of this phase (``promotion_compare``), as ``state``:
    ``none``, ``running``, ``same``, ``differs`` or ``failed``."""
    known = read_json(promotion_record.COMPARED, {})
    since = record.get("at", 0) if record["phase"] == promotion_record.SWITCHED else 0
    if known.get("phase") != record["phase"] or known["began"] < since:
        return {"state": "none"}
    if known.get("failed"):
        return {**known, "state": "failed"}
    if not known.get("ended"):
        return {**known, "state": "running"} if _is_running() else {"state": "none"}
    return {**known, "state": "differs" if known["differs"] else "same"}


def _is_running() -> bool:
    try:
        with COMPARING.open() as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def way_back(lag: Mapping[str, Any] | None) -> str:
    """What the row of its slot says, or that there is none."""
    return OPEN if lag and lag["kept"] != LOST else LOST


def _asked(record: Mapping[str, Any]) -> dict[str, object]:
    """As the app, through its pool: this needs no password, and works on either server."""
    done = promotion_pooler.as_app(ASKED)
    if not done.ok:
        return {"state": UNKNOWN}
    try:
        known = json.loads(done.output)
        slot = known["slot"]
        if not slot and not known["published"]:  # nothing has been lost: there never was one
            return {"state": NONE, "unfit": record.get("unfit") or []}
        behind = int(slot["bytes"] or 0) if slot else 0
        return {
            "state": way_back(slot),
            "active": bool(slot and slot["active"]),
            "bytes": behind,
            "keeps_all": bool(known["keeps_all"]),
            **_changed(record, known),
        }
    except (LookupError, TypeError, ValueError, AttributeError):
        return {"state": UNKNOWN}  # the app may define functions: an answer of its own


def _changed(record: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, object]:
    """That the tables have changed, where the old database can be asked for its own."""
    if way_back(known["slot"]) == LOST or not record.get("old"):
        return {}
    try:
        shape = rows(ask_old(record["old"], SHAPE))
        tables = differing(shape, known["shape"], known["not_published"])
    except Failed:
        return {}
    return {"state": CHANGED, "tables": tables} if tables else {}


def _not_followed(record: Mapping[str, Any]) -> list[str]:
    """Before the switch by dump: what the old database could not follow, the app's own words."""
    copying = record["phase"] == promotion_record.COPYING and record["side"] == "from"
    if not copying or record.get("by") != promotion_record.DUMP:
        return []
    done = promotion_pooler.as_app(NOT_FOLLOWED)
    try:
        return [str(name) for name in json.loads(done.output)] if done.ok else []
    except (TypeError, ValueError):
        return []
