"""How a server's backups are, in words: what `backup list` and `status` say. No I/O."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

OLD_BACKUP_S = 26 * 3600
OLD_PROOF_S = 8 * 86400
"""From then on `status` says so: a night, or a week, has been missed."""


def moment(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def fresh(answer: Mapping[str, Any], what: str, old_s: float) -> bool:
    """Whether the last good ``backup`` or ``verify`` is younger than ``old_s``."""
    good = (answer.get(what) or {}).get("last_good")
    return good is not None and answer["now"] - good["at"] <= old_s


def state(answer: Mapping[str, Any], since: float = 0) -> list[str]:
    """How old the last good backup and proof are, and what is wrong; nothing of nothing.

    ``since``: when a promotion brought another database.
    """
    if not answer:
        return []
    lines = []
    for what, name, old_s in (
        ("backup", "last good backup", OLD_BACKUP_S),
        ("verify", "last proven by a restore", OLD_PROOF_S),
    ):
        last = answer.get(what) or {}
        good = last.get("last_good")
        age_s = answer["now"] - good["at"] if good else None
        late = ": TOO OLD" if age_s is not None and age_s > old_s else ""
        lines.append(f"{name}: {moment(good['at']) + late if good else 'never'}")
        if what == "backup" and since and (not good or good["at"] < since):
            lines.append(
                f"  none since the promotion of {moment(since)}, which began one; if that failed:"
                " `./stages backup now`"
            )
        if last and not last.get("ok"):
            lines.append(f"  the one of {moment(last['at'])} failed: {last.get('problem')}")
    if "files" in answer:
        at = answer["files"]
        late = ": TOO OLD" if at and answer["now"] - at > OLD_BACKUP_S else ""
        lines.append(f"last good backup of files: {moment(at) + late if at else 'never'}")
    archiver = answer.get("archiver") or {}
    # Until the first backup, a minute after they were switched on, the bucket takes none.
    if archiver.get("failing") and answer.get("backup"):
        lines.append(f"WAL DOES NOT REACH THE BUCKET: {answer['waiting_mib']} MiB wait")
    if answer.get("gap"):
        lines.append(
            f"WAL GIVEN UP at {moment(answer['gap'])}: later times cannot be restored until the"
            " next full backup, which is tried every hour"
        )
    return lines
