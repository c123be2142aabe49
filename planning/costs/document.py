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
    all_: Sequence[Estimate], today: datetime.date, comparison: Comparison | None = None
) -> str:
    """The document of a run, as text that ends with a newline."""
    used = sources(line for found in all_ for line in found.lines)
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
        "stacks": [_estimate(found) for found in all_],
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


def _estimate(found: Estimate) -> dict[str, Any]:
    return {
        "stack": found.stack,
        "stage": found.stage,
        "usd_per_month": number(cents(found.total)),
        "usd_per_month_exact": number(found.total),
        "parts": {part: number(total(found.of_part(part))) for part in PARTS},
        "expected": found.expected(),
        "lines": [_line(line) for line in found.lines],
        "free": dict(found.free),
        "not_priced": [
            {
                "resource": each.resource,
                "type": each.type,
                "reason": each.reason,
                "adds": each.adds,
            }
            for each in found.unpriced
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


def usd_difference(found: Comparison) -> int | float | None:
    """Dollars a month that a total rises by, where that is known."""
    return number(cents(found.usd)) if found.known else None


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
