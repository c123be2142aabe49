"""What the rules find in a plan: one function for offline plans, previews and the engine's pack.

from planning.policies.findings import findings
findings(plan.plan_stack("aws-stage2").document(), settings)
findings(json.loads(preview), settings)     # of `pulumi preview --json --show-sames`
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args

from components.seam.facts import Fact
from components.seam.planned import PlannedResource, PlannedResources
from components.settings import Settings
from planning.costs import estimate, plan_file, price_books
from planning.known import lookup
from planning.policies.rules import RULES, Level, Rule, Seen


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One rule that one resource breaks."""

    rule: str
    """Id of the rule: see ``policy/README.md``."""
    level: Literal["mandatory", "advisory"]
    """A mandatory finding stops an update that is run with the pack."""
    urn: str
    """Of the resource; empty where it is the stack as a whole."""
    message: str
    """One sentence without its full stop, for a person: data, to be escaped."""
    remedy: str


def findings(plan: Mapping[str, Any], settings: Settings) -> list[Finding]:
    """Judge a plan: the offline document, or the JSON of a preview with every resource.

    In the order of the rules, then of the plan; what the settings disable is left out. Raises
    ``UserError`` for what is no plan.
    """
    resources = plan_file.resources(plan, settings.stack)
    seen = look(resources, settings)
    return [
        Finding(
            rule=rule.id,
            level=level,
            urn=violation.urn,
            message=violation.message,
            remedy=rule.remedy,
        )
        for rule in RULES
        if (level := level_of(rule, settings)) != "disabled"
        for violation in rule.check(seen)
    ]


def level_of(rule: Rule, settings: Settings) -> Level:
    """How much a rule weighs for a stack."""
    chosen = settings.policy.levels.get(rule.id, rule.level)
    return next(level for level in get_args(Level) if level == chosen)


def budget(settings: Settings) -> Decimal:
    """Dollars a month that a stack may cost."""
    given = settings.policy.budget_usd_per_month
    whole_stage = estimate.EXPECTED[settings.stage][-1][1]
    return whole_stage.high if given is None else given


def look(resources: Sequence[PlannedResource], settings: Settings) -> Seen:
    """What the rules see of these resources."""

    def usd_per_month() -> Decimal:
        plan = plan_file.CostPlan(stack=settings.stack, resources=tuple(resources))
        return estimate.estimate(plan, _priced()).complete()

    return Seen(
        stack=settings.stack,
        facts=tuple(facts_of(resources)),
        usd_per_month=usd_per_month,
        budget_usd_per_month=budget(settings),
    )


def facts_of(resources: Iterable[PlannedResource]) -> Iterator[Fact]:
    """What each cloud says of its own resources."""
    every = PlannedResources.index(resources)
    for resource in every.by_urn.values():
        yield from lookup(resource.type).facts(resource, every)


@functools.cache
def _priced() -> tuple[estimate.Cloud, ...]:
    return tuple(price_books.all_clouds(datetime.date.today()))
