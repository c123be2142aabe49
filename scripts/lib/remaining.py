"""What a stack that is down still has in its cloud, and what that costs."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal

from components.errors import UserError
from planning.costs import plan_file, price_books
from planning.costs.estimate import OWN, Estimate, estimate, money, total
from scripts.lib.engine import Resource


def lines(
    stack: str, resources: Sequence[Resource], stored: Mapping[str, str] | None = None
) -> list[str]:
    """One line for each resource of the state with its price a month and, for a bucket, what it
    holds (``stored``, by URN), then the sum.

    Prices are those of the estimate (`make cost`), for the resources that are left: a reserved
    address that no server has may cost more than one in use. A resource without a price says so.
    """
    # Resources of the project's own are in the state and on no bill.
    real = [
        resource
        for resource in resources
        if resource.is_real and not resource.state["type"].startswith(OWN)
    ]
    priced = _estimate(stack, resources)
    held = {urn: f"; it holds {what}" for urn, what in (stored or {}).items()}
    named = [
        f"{resource.title}: {_price(resource, priced)}{held.get(resource.urn, '')}"
        for resource in real
    ]
    if priced is not None and priced.lines:
        named.append(f"together {priced.least}${money(priced.total)} a month")
    return named


def _estimate(stack: str, resources: Sequence[Resource]) -> Estimate | None:
    document = {
        "version": 1,
        "stack": stack,
        "resources": [resource.state for resource in resources],
    }
    today = datetime.datetime.now(tz=datetime.UTC).date()
    try:
        plan = plan_file.of_document(document, stack)
        return estimate(plan, price_books.all_clouds(today))
    except UserError:
        return None  # one price that is not known must not keep the list back


def _price(resource: Resource, priced: Estimate | None) -> str:
    if priced is None or any(missing.urn == resource.urn for missing in priced.unpriced):
        return "its price is not known"
    own = [line for line in priced.lines if line.urn == resource.urn]
    usd = total(own)
    if any(line.quantity is None for line in own):
        return f"${money(usd)} a month and what it uses" if usd else "by use"
    return f"${money(usd)} a month" if usd > Decimal(0) else "free"
