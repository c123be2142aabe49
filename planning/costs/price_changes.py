"""What a refresh changes in a price file."""

from __future__ import annotations

from collections.abc import Sequence

from components.seam.costs import Price
from planning.costs.compare import percent
from planning.costs.rows import plain


def changes(before: Sequence[Price], after: Sequence[Price]) -> list[str]:
    """A sentence for each price that is another, new or gone."""
    old = {(price.item, price.region): price for price in before}
    new = {(price.item, price.region): price for price in after}
    lines = []
    for item, region in sorted({*old, *new}):
        was, now = old.get((item, region)), new.get((item, region))
        what = f"{item} in {region}" if region != "*" else item
        if was is None and now is not None:
            lines.append(f"{what}: new, {plain(now.usd)} a {now.unit}")
        elif now is None and was is not None:
            lines.append(f"{what}: gone, was {plain(was.usd)}")
        elif was and now and (was.usd, was.unit) != (now.usd, now.unit):
            rise = percent(was.usd, now.usd)
            lines.append(f"{what}: {plain(was.usd)} -> {plain(now.usd)} a {now.unit} ({rise})")
    return lines
