"""What the operator's commands ask of this cloud: see ``components/seam/operations.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.clouds.aws.account import api, leftovers, pending, room
from components.clouds.aws.account.preflight import check
from components.seam.operations import Operations

DATABASE = "aws:rds/instance:Instance"


def unlock(resources: Sequence[Mapping[str, Any]]) -> None:
    """Lift RDS's own deletion protection, which the engine does not know of.

    docs/facts/pulumi.md 2.
    RDS does that at once, whatever the hour of maintenance. Raises ``UserError``.
    """
    for resource in resources:
        known = resource.get("outputs") or {}
        if resource["type"] == DATABASE and known.get("deletionProtection"):
            try:
                api.call(
                    api.client("rds", str(known["region"])),
                    "modify_db_instance",
                    DBInstanceIdentifier=str(known["identifier"]),
                    DeletionProtection=False,
                )
            except api.Failed as error:
                raise api.told(error) from error


OPERATIONS = Operations(
    preflight=check,
    room=room.check,
    pending=pending.lines,
    cancel_pending=pending.cancel,
    unlock=unlock,
    unmanaged=leftovers.lines,
)
