"""What a stack costs before and after, and what its budget says to it."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping
from typing import Any, Final

from components.settings import Settings
from planning.costs import compare, plan_file, price_books, rows
from planning.costs.estimate import Cloud, Estimate, estimate, money
from planning.difference.document import Cost, CostLine, Verdict
from planning.policies import findings as policy
from planning.policies.rules import RULES

BUDGET: Final = "budget"
"""The rule of ``planning/policies/rules.py`` that this verdict stands for."""
MOST_LINES: Final = 100


def compare_costs(
    name: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    chosen: Settings | None,
) -> Cost:
    """Price both plans of a stack, offline ones or previews.

    Raises ``UserError`` for a size or region without a price: the total would be too small.
    """
    old, new = _estimate(name, before), _estimate(name, after)
    for side in filter(None, (old, new)):
        side.complete()
    totals = Cost(before=money(old.total) if old else None, after=money(new.total) if new else None)
    if new is None:
        return totals
    budget, verdict = _judged(old, new, chosen)
    if old is None:
        return Cost(before=None, after=totals.after, budget=budget, verdict=verdict)
    comparison = compare.compare(old, new)
    *changed, total = rows.of_comparison(comparison)
    return Cost(
        before=totals.before,
        after=totals.after,
        budget=budget,
        verdict=verdict,
        difference=total[3],
        lines=tuple(
            CostLine(name=row[0], before=row[1], after=row[2], difference=row[3])
            for row in changed[:MOST_LINES]
        ),
    )


def unpriced(name: str, plan: Mapping[str, Any] | None) -> list[str]:
    """What costs money in a plan and has no price."""
    estimate = _estimate(name, plan)
    return rows.unpriced_words(estimate) if estimate else []


def _judged(
    old: Estimate | None, new: Estimate, chosen: Settings | None
) -> tuple[str | None, Verdict]:
    """The budget and its verdict; none where the settings switch the rule off."""
    rule = next(rule for rule in RULES if rule.id == BUDGET)
    if chosen is None or policy.level_of(rule, chosen) == "disabled":
        return None, ""
    budget = policy.budget(chosen)
    if not compare.above(new.total, budget):
        return money(budget), "within"
    rises = compare.above(new.total, budget, old.total if old else None)
    return money(budget), "above" if rises else "above before"


def _estimate(name: str, plan: Mapping[str, Any] | None) -> Estimate | None:
    if plan is None:
        return None
    resources = plan_file.resources(plan, name)
    return estimate(plan_file.CostPlan(stack=name, resources=resources), _clouds())


@functools.cache
def _clouds() -> tuple[Cloud, ...]:
    return tuple(price_books.all_clouds(datetime.date.today()))
