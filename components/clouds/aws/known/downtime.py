"""How long a change on AWS keeps the app from answering (``components/seam/downtime.py``).

Nothing here was measured on AWS: each number names AWS's page, or says that it is an estimate.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from components.seam.downtime import APP, AT_ONCE, DATABASE, Downtime, Span, Step, costs

if TYPE_CHECKING:
    from components.settings import Settings

ESTIMATE = "an estimate, not measured on AWS"
RDS = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ModifyInstance.Settings.html"
RDS_SIZES = "https://repost.aws/knowledge-center/rds-performance-impact"

OLD_FIRST = Span(120, 900, f"{ESTIMATE}: boot, packages, build of the app")
NEW_FIRST = Span(1, 60, f"{ESTIMATE}: AWS states no time for an address")


def server(step: Step, settings: Settings) -> Iterable[Downtime]:
    """Its size; a replaced server is the host configuration's to say."""
    if step.op == "update" and step.changes("instanceType"):
        why = "the server is stopped, gets its new size and is started; its address stays"
        yield costs(step, APP, Span(60, 300, ESTIMATE), why)


def parameters(step: Step, settings: Settings) -> Iterable[Downtime]:
    """Of a database."""
    if step.changes("parameters"):
        why = "static parameters take effect when the database is next restarted"
        yield costs(step, DATABASE, Span(0, 0, RDS), why)


def database(step: Step, settings: Settings) -> Iterable[Downtime]:
    """Its size, version, disk and standby."""
    if "replicateSourceDb" in step.new:
        return
    when = AT_ONCE
    if not settings.database.apply_immediately:
        day, hour = settings.database.maintenance_day, settings.database.maintenance_hour
        when = f"in the hour of maintenance, {day} {hour:02}:00 UTC"
    if step.op == "replace":
        why = "the database is replaced by an empty one"
        yield costs(step, DATABASE, Span(300, None, ESTIMATE), why)
        return
    if step.changes("instanceClass"):
        if step.old.get("multiAz"):
            why = "the standby gets the new size and takes over"
            yield costs(step, DATABASE, Span(60, 120, RDS_SIZES), why, when)
        else:
            why = "the disk moves to a server of the new size and PostgreSQL recovers there"
            source = f"{RDS_SIZES} states no time; {ESTIMATE}"
            yield costs(step, DATABASE, Span(120, 1200, source), why, when)
    if step.changes("engineVersion"):
        why = "a new major version: the database is down while its files are upgraded"
        yield costs(step, DATABASE, Span(600, None, ESTIMATE), why, when)
    if step.changes("allocatedStorage") or step.changes("multiAz"):
        why = (
            "the standby is made from a snapshot while the database answers, slower"
            if step.changes("multiAz")
            else "the disk grows in use; it may be slower meanwhile"
        )
        yield costs(step, DATABASE, Span(0, 0, RDS), why)
