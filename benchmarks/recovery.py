"""The picture of the faults (``make chaos``): how long it took until all was well again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.charts import Group, Picture, strips
from benchmarks.measures import of_document

NAME = "chaos"
"""Of its files."""
ACKNOWLEDGED, LOST, TWICE, HUNG = "acknowledged", "lost", "twice", "hung"
"""What is counted of each fault: ends of its keys."""
GROUPS = {
    "stage1": "Stage 1, one server",
    "stage2": "Stage 2, app and database",
    "promotion": "A promotion, until the next try has ended",
}
"""By the beginning of their keys."""


def draw(document: Mapping[str, Any]) -> Picture:
    """Draw what ``chaos.json`` holds."""
    result = of_document(document)
    groups = [
        Group(
            title,
            [
                (f"{measure.title} ({len(measure.values)})", measure)
                for measure in result.measures
                if measure.key.startswith(f"{key}.") and measure.unit == "s"
            ],
        )
        for key, title in GROUPS.items()
    ]

    def total(what: str) -> int:
        counts = (m.values for m in result.measures if m.key.endswith(f".{what}"))
        return round(sum(map(sum, counts)))

    counted = (
        f"Of {total(ACKNOWLEDGED):,} acknowledged writes {total(LOST)} lost, {total(TWICE)} there "
        f"twice, {total(HUNG)} clients hung. In brackets: how often. A line is the median. Well: "
        "each of 50 writing clients, a page and a new job were answered. Lost hosts and a killed "
        "up: with the next up, which is in the time; a full volume and a cut link: from their end."
    )
    loads = document["loads"]
    load = f"Load while it ran: {min(loads):g} to {max(loads):g}. Seed {document['seed']}."
    return strips(
        "Time until all is well again after a fault",
        [group for group in groups if group.rows],
        "seconds",
        f"{counted} {result.where} {load}",
    )
