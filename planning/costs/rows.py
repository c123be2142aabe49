"""Words and numbers of an estimate as every format shows them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from components.seam.costs import Kind, Line, Part
from planning.costs.compare import Change, Comparison, amount, percent
from planning.costs.estimate import PARTS, Estimate, money, sources, total

TITLES: dict[Part, str] = {
    "server": "Server",
    "database": "Database",
    "network": "Network",
    "operations": "Operations",
}
KINDS: dict[Kind, str] = {
    "compute": "compute",
    "disk": "disks",
    "address": "addresses",
    "backup": "backups and snapshots",
    "traffic": "traffic",
    "watching": "alarms, logs, keys",
}
HEADS = ("", "Quantity", "Unit", "Unit price", "USD a month")
UNTOLD = "not known"
NO_PRICE = "not priced"
PER_USE = "per use"
NOTHING = "-"


@dataclass(frozen=True)
class Row:
    """One row of the table of one stack. ``level``: 0 part, 1 resource, 2 line, 3 total."""

    level: int
    cells: tuple[str, str, str, str, str]


def of_estimate(estimate: Estimate, *, summary: bool = False) -> Iterator[Row]:
    """The rows of one stack: part, its resources, their lines, the total.

    In a summary a resource has the number and the sum of its lines instead.
    """
    for part in PARTS:
        lines = estimate.of_part(part)
        if not lines:
            continue
        yield Row(0, (TITLES[part], "", "", "", subtotal(lines)))
        for own in by_resource(lines):
            folded = (str(len(own)), "", "", subtotal(own)) if summary else ("",) * 4
            yield Row(1, (own[0].resource, *folded))
            for line in () if summary else own:
                yield Row(2, of_line(line))
    yield Row(3, (total_label(estimate), "", "", "", money(estimate.total)))


def total_label(estimate: Estimate) -> str:
    """What the total is called: of less than everything where something has no price."""
    return "Total of what has a price" if estimate.least else "Total"


def by_resource(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines of each resource, in their order."""
    urns = dict.fromkeys(line.urn for line in lines)
    return [[line for line in lines if line.urn == urn] for urn in urns]


def subtotal(lines: Sequence[Line]) -> str:
    """The sum of lines, as far as it is known: never 0 for what only nobody told."""
    if not lines:
        return NOTHING
    return PER_USE if all(line.quantity is None for line in lines) else money(total(lines))


def of_line(line: Line) -> tuple[str, str, str, str, str]:
    """The cells of one line."""
    usd = line.usd_per_month
    return (
        f"{line.name} ({line.detail})" if line.detail else line.name,
        UNTOLD if line.quantity is None else plain(line.quantity),
        line.price.unit,
        plain(line.price.usd),
        PER_USE if usd is None else money(usd),
    )


def plain(number: Decimal) -> str:
    """A number as people write it: without an exponent, at most 6 places, no zeros at the end."""
    rounded = number.quantize(Decimal("0.000001"), ROUND_HALF_UP).normalize()
    return f"{rounded:,f}"


def signed(usd: Decimal) -> str:
    """An amount with its sign."""
    text = money(usd)
    return text if text.startswith("-") or text == "0.00" else f"+{text}"


def free_words(estimate: Estimate) -> str:
    """How many resources cost nothing."""
    count = sum(estimate.free.values())
    return f"{count} resources cost nothing." if count != 1 else "1 resource costs nothing."


def unknown_words(count: int) -> str:
    """How many lines add nothing, because their usage is not known."""
    lines = f"{count} lines depend" if count != 1 else "1 line depends"
    adds = "they add" if count != 1 else "it adds"
    return (
        f"{lines} on usage that is not known: {adds} nothing to the total. `--usage FILE` gives it;"
        " `./stages cost usage` lists the keys."
    )


def unpriced_words(estimate: Estimate) -> list[str]:
    """What costs money and has no price: of each resource the lines with the same reason."""
    lines: dict[tuple[str, str, str], list[str]] = {}
    for resource in estimate.unpriced:
        name, sign, why = resource.reason.partition(": ")
        key = (resource.resource, resource.type, why if sign else resource.reason)
        lines.setdefault(key, []).extend([name] if sign else [])
    return [
        ": ".join(filter(None, [f"Not priced: {resource} ({type_})", ", ".join(names), f"{why}."]))
        for (resource, type_, why), names in lines.items()
    ]


def unpriced_in(comparison: Comparison) -> list[str]:
    """The same of both sides, each once."""
    sides = (comparison.before, comparison.after)
    return list(dict.fromkeys(words for side in sides for words in unpriced_words(side)))


def notes(estimate: Estimate, today: datetime.date) -> list[str]:
    """Everything that is to be said below the table of a stack."""
    sentences = [*estimate.expected()]
    if not estimate.lines and not estimate.unpriced:
        sentences.append("Nothing here costs money: it runs on your own machine, or it is free.")
    sentences.append(free_words(estimate))
    sentences += unpriced_words(estimate)
    if estimate.unknown:
        sentences.append(unknown_words(len(estimate.unknown)))
    return sentences + price_words([estimate], today)


def price_words(estimates: Sequence[Estimate], today: datetime.date | None = None) -> list[str]:
    """One sentence on how old and how sure the prices are; none where nothing costs money."""
    lines = [line for estimate in estimates for line in estimate.lines]
    if not any(line.quantity for line in lines):
        return []
    return [f"USD without taxes. {sources(lines).rest(today)}"]


def names(comparison: Comparison) -> tuple[str, str]:
    """What the two sides of a comparison are called."""
    before, after = comparison.before.stack, comparison.after.stack
    return (before, after) if before != after else ("before", "now")


def of_comparison(comparison: Comparison) -> Iterator[tuple[str, str, str, str, str]]:
    """Rows of a comparison: what, before, after, difference, per cent; the total last."""
    for change in comparison.changes:
        yield _change(change)
    before, after = (
        f"{side.least}{money(side.total)}" for side in (comparison.before, comparison.after)
    )
    yield ("Total", before, after, *difference(comparison))


def difference(comparison: Comparison) -> tuple[str, str]:
    """Dollars and per cent that a total rises by, where that is known."""
    if not comparison.known:
        return f"at least {signed(comparison.usd)}" if comparison.least else UNTOLD, ""
    return signed(comparison.usd), percent(comparison.before.total, comparison.after.total)


def _change(change: Change) -> tuple[str, str, str, str, str]:
    what = f"{change.resource}: {change.name}"
    details = [line.detail for line in (change.before, change.after) if line and line.detail]
    if len(set(details)) > 1:
        what += f" ({details[0]} -> {details[1]})"
    elif details and not (change.before and change.after):
        what += f" ({details[0]})"
    nothing = NO_PRICE if change.unpriced else NOTHING
    before, after = (_amount(line) or nothing for line in (change.before, change.after))
    if not change.known:
        return what, before, after, UNTOLD if change.unpriced else PER_USE, ""
    more = percent(amount(change.before), amount(change.after)) if change.after else "gone"
    return what, before, after, signed(change.usd), more


def _amount(line: Line | None) -> str:
    if line is None:
        return ""
    usd = line.usd_per_month
    return money(usd) if usd is not None else f"{plain(line.price.usd)} a {line.price.unit}"
