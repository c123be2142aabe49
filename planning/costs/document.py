"""Estimates as JSON. Every number is one: its decimal digits are those of the exact amount."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from components.seam.costs import Line
from planning.costs.compare import Change, Comparison
from planning.costs.estimate import PARTS, Estimate, cents, sources, total

VERSION = 2
"""1 had its numbers as text."""


def of_estimates(
    estimates: Sequence[Estimate], today: datetime.date, comparison: Comparison | None = None
) -> str:
    """The document of a run, as text that ends with a newline."""
    used = sources(line for estimate in estimates for line in estimate.lines)
    document: dict[str, Any] = {
        "version": VERSION,
        "currency": "USD",
        "prices": {
            "oldest": used.oldest and used.oldest.isoformat(),
            "newest": used.newest and used.newest.isoformat(),
            "age_days": used.age_days(today),
            "undated": list(used.undated),
            "derived": list(used.derived),
            "derived_share": number(used.derived_share.quantize(Decimal("0.0001"))),
        },
        "stacks": [_estimate(estimate) for estimate in estimates],
    }
    if comparison:
        document["comparison"] = {
            "before": comparison.before.stack,
            "after": comparison.after.stack,
            "usd_before": number(cents(comparison.before.total)),
            "usd_after": number(cents(comparison.after.total)),
            "usd_difference": usd_difference(comparison),
            "changes": [change_of(change) for change in comparison.changes],
        }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "stack": estimate.stack,
        "stage": estimate.stage,
        "usd_per_month": number(cents(estimate.total)),
        "usd_per_month_exact": number(estimate.total),
        "parts": {part: number(total(estimate.of_part(part))) for part in PARTS},
        "expected": estimate.expected(),
        "lines": [_line(line) for line in estimate.lines],
        "free": dict(estimate.free),
        "not_priced": [
            {
                "resource": resource.resource,
                "type": resource.type,
                "reason": resource.reason,
                "adds": resource.adds,
            }
            for resource in estimate.unpriced
        ],
    }


def _line(line: Line) -> dict[str, Any]:
    usd = line.usd_per_month
    return {
        "resource": line.resource,
        "urn": line.urn,
        "name": line.name,
        "detail": line.detail,
        "part": line.part,
        "kind": line.kind,
        "by_usage": line.by_usage,
        "quantity": None if line.quantity is None else number(line.quantity),
        "unit": line.price.unit,
        "unit_usd": number(line.price.usd),
        "usd_per_month": None if usd is None else number(usd),
        "item": line.price.item,
        "region": line.price.region,
        "source": line.price.source,
        "seen": line.price.seen,
        "quality": line.price.quality,
    }


def usd_difference(comparison: Comparison) -> int | float | None:
    """Dollars a month that a total rises by, where that is known."""
    return number(cents(comparison.usd)) if comparison.known else None


def change_of(change: Change) -> dict[str, Any]:
    """What became of one line."""
    return {
        "resource": change.resource,
        "name": change.name,
        "before": _line(change.before) if change.before else None,
        "after": _line(change.after) if change.after else None,
        "not_priced": change.unpriced,
        "usd_difference": number(change.usd) if change.known else None,
    }


def number(exact: Decimal) -> int | float:
    """A number of JSON. A float shows the digits that it was made of, up to 15 of them."""
    return int(exact) if exact == exact.to_integral_value() else float(exact)
