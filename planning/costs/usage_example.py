"""A usage file to fill in for one plan: the keys that its lines depend on, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from components.seam.costs import UsageKey
from components.visible import one_line
from planning.costs import rows, usage
from planning.costs.estimate import Cloud, Estimate, estimate
from planning.costs.plan_file import CostPlan


def of_plan(plan: CostPlan, clouds: Sequence[Cloud]) -> str:
    """The file's text: every key with its unit, its default and what one unit costs here."""
    stack = one_line(plan.stack)
    lines = [
        f"# Usage of {stack}: quantities that no plan knows. A key that is left out is",
        "# unknown: its lines show the unit price and add nothing to the total.",
        f"# `./stages cost {stack} --usage FILE` reads it.",
    ]
    head = len(lines)
    without = estimate(plan, clouds)
    for name, (key, _) in usage.keys(clouds).items():
        prices = list(_prices(without, estimate(plan, clouds, {(name,): Decimal(0)})))
        if prices:
            lines += ["", *_about(key), *(f"# {price}" for price in prices), f"# {name}: 100"]
    if len(lines) == head:
        lines += ["", "# No line of it depends on usage."]
    return "\n".join(lines) + "\n"


def _about(key: UsageKey) -> Iterator[str]:
    yield f"# {key.meaning[0].upper()}{key.meaning[1:]}."
    yield f"# Unit: {key.unit}. Default: unknown, which adds nothing."


def _prices(without: Estimate, with_key: Estimate) -> Iterator[str]:
    """The unit prices of the lines whose quantity a key tells."""
    for old, new in zip(without.lines, with_key.lines, strict=True):
        if old.quantity is None and new.quantity is not None:
            what = f"{new.name}, {new.detail}" if new.detail else new.name
            yield f"{what}: {rows.plain(new.price.usd)} USD a {new.price.unit}"
    for then, now in zip(without.unpriced, with_key.unpriced, strict=True):
        if now.adds and not then.adds:
            yield f"No price: {now.reason}"
