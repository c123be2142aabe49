"""What the same stack would cost as stage 2: its settings, priced as that."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from components.errors import UserError
from components.settings import Settings
from components.settings.reading import all_keys
from planning.costs import price_books
from planning.costs.compare import Comparison, compare
from planning.costs.document import number
from planning.costs.estimate import cents, estimate, money
from planning.costs.plan_file import CostPlan
from scripts.lib import cost_inputs

LEAST_DISK_GIB = 20
"""A managed database of this size every cloud makes."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Dollars a month of both stages, or why they are not known."""

    now: Decimal | None = None
    then: Decimal | None = None
    more: Decimal | None = None
    """Of the totals as they are shown."""
    per_use: int = 0
    """Lines of stage 2 that are billed per use, and in no total."""
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        def shown(usd: Decimal | None) -> int | float | None:
            return None if usd is None else number(cents(usd))

        return {
            "stage1_usd_per_month": shown(self.now),
            "stage2_usd_per_month": shown(self.then),
            "more_usd_per_month": shown(self.more),
            "lines_per_use": self.per_use,
            "reason": self.reason or None,
        }

    def line(self) -> str:
        """One sentence."""
        if self.now is None or self.then is None or self.more is None:
            return f"What stage 2 would cost is not known: {self.reason}"
        extra = f", and {self.per_use} lines that are billed per use" if self.per_use else ""
        return (
            f"As stage 2 this stack costs ${money(self.then)} a month{extra}: ${money(self.more)}"
            f" more than now (${money(self.now)})."
        )


def settings_of_stage_2(values: Mapping[str, object], storage_gib: int) -> dict[str, object]:
    """The settings of a stage 1 stack, as stage 2: without those that mean nothing there."""
    keys = all_keys()
    own = {name: value for name, value in values.items() if name in keys and 2 in keys[name].stages}
    return {**own, "stage": 2, "database.storage_gib": storage_gib}


def cost(stack: str, chosen: Settings, values: Mapping[str, object], today: datetime.date) -> Cost:
    """Price both shapes of a stack, from its settings and how its file has them; asks nobody."""
    clouds = price_books.all_clouds(today)
    volume_gib = chosen.data.volume_gib
    try:
        now = estimate(cost_inputs.of_values(stack, values), clouds)
        then = estimate(_plan_of_stage_2(stack, values, volume_gib), clouds)
        costs = now.complete(), then.complete()
    except UserError as error:
        return Cost(reason=str(error))
    comparison: Comparison = compare(now, then)
    return Cost(now=costs[0], then=costs[1], more=comparison.usd, per_use=len(then.unknown))


def _plan_of_stage_2(stack: str, values: Mapping[str, object], volume_gib: int) -> CostPlan:
    """With a disk as large as the volume, or the smallest where the cloud makes none so small."""
    try:
        return cost_inputs.of_values(stack, settings_of_stage_2(values, volume_gib))
    except UserError:
        if volume_gib >= LEAST_DISK_GIB:
            raise
        return cost_inputs.of_values(stack, settings_of_stage_2(values, LEAST_DISK_GIB))
