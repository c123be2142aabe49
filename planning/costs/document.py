"""Estimates as JSON: money is text, so that no reader rounds it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from components.seam.costs import Line
from planning.costs.compare import Change, Comparison
from planning.costs.estimate import PARTS, Estimate, money, sources, total

VERSION = 1


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
            "derived_share": exact(used.derived_share.quantize(Decimal("0.0001"))),
        },
        "stacks": [_estimate(found) for found in all_],
    }
    if comparison:
        document["comparison"] = {
            "before": comparison.before.stack,
            "after": comparison.after.stack,
            "usd_before": money(comparison.before.total),
            "usd_after": money(comparison.after.total),
            "usd_difference": money(comparison.usd),
            "changes": [_change(change) for change in comparison.changes],
        }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _estimate(found: Estimate) -> dict[str, Any]:
    return {
        "stack": found.stack,
        "stage": found.stage,
        "usd_per_month": money(found.total).replace(",", ""),
        "usd_per_month_exact": exact(found.total),
        "parts": {part: exact(total(found.of_part(part))) for part in PARTS},
        "expected": found.expected(),
        "lines": [_line(line) for line in found.lines],
        "free": dict(found.free),
        "not_priced": [
            {"resource": each.resource, "type": each.type, "reason": each.reason}
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
        "quantity": None if line.quantity is None else exact(line.quantity),
        "unit": line.price.unit,
        "unit_usd": exact(line.price.usd),
        "usd_per_month": None if usd is None else exact(usd),
        "item": line.price.item,
        "region": line.price.region,
        "source": line.price.source,
        "seen": line.price.seen,
        "quality": line.price.quality,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "resource": change.resource,
        "name": change.name,
        "before": _line(change.before) if change.before else None,
        "after": _line(change.after) if change.after else None,
        "usd_difference": exact(change.usd) if change.known else None,
    }


def exact(number: Decimal) -> str:
    """A number as text, all of it."""
    return f"{number.normalize():f}"
