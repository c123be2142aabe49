"""Estimates as a block for a pull request: at most 60 lines, what is long folded away."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from html import escape

from components.errors import UserError
from planning.costs import rows
from planning.costs.compare import Comparison
from planning.costs.estimate import PARTS, Estimate, money

MOST_LINES = 60
BEGIN, END = "<!-- costs: made by `make cost-chart` -->", "<!-- end of costs -->"
MOST_CHANGES = 15
MOST_NOTES = 10
FOLD_LINES = 6
"""Lines of a fold beside its rows, with the empty one before it."""


def of_estimates(
    estimates: Sequence[Estimate], today: datetime.date, comparison: Comparison | None = None
) -> str:
    """The block, as text that ends with a newline."""
    head = _compared(comparison) if comparison else _summary(estimates)
    sentences = [
        text for estimate in estimates for text in _sentences(estimate, len(estimates) > 1)
    ]
    sentences += rows.price_words(estimates, today)
    head += ["", *(f"- {escaped(text)}" for text in _cut(sentences, MOST_NOTES, "notes"))]
    room = MOST_LINES - len(head) - 1
    return "\n".join([*head, *_folded(estimates, room)]) + "\n"


def with_numbers(page: str, estimates: Sequence[Estimate], name: str) -> str:
    """A page with the table of some stacks between its two marks.

    Raises ``UserError`` when the page has no marks.
    """
    before, mark, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise UserError(f"{name}: should have {BEGIN} and {END}, got a page without them")
    table = [_row(_heads()), _dashes(), *_stacks(estimates)]
    sentences = [f"- {text}" for estimate in estimates for text in _sentences(estimate, True)]
    sentences += [f"- {text}" for text in rows.price_words(estimates)]
    return f"{before}{BEGIN}\n" + "\n".join([*table, "", *sentences]) + f"\n{END}{after}"


def _summary(estimates: Sequence[Estimate]) -> list[str]:
    if len(estimates) == 1:
        estimate = estimates[0]
        sums = [(rows.TITLES[part], estimate.of_part(part)) for part in PARTS]
        return [
            f"### `{estimate.stack}` costs {estimate.least}${money(estimate.total)} a month",
            "",
            "| | USD a month |",
            "|---|--:|",
            *(f"| {title} | {rows.subtotal(lines)} |" for title, lines in sums if lines),
            f"| **Total** | **{money(estimate.total)}** |",
        ]
    return [
        "### What the stacks cost a month",
        "",
        _row(_heads()),
        _dashes(),
        *_cut(_stacks(estimates), MOST_LINES // 2, "stacks", as_row=True),
    ]


def _heads() -> list[str]:
    return ["USD a month", *rows.TITLES.values(), "Total"]


def _dashes() -> str:
    return "|---" + "|--:" * (len(PARTS) + 1) + "|"


def _stacks(estimates: Sequence[Estimate]) -> list[str]:
    """A row a stack."""
    return [
        _row(
            [
                f"`{estimate.stack}`",
                *(rows.subtotal(estimate.of_part(part)) for part in PARTS),
                f"{estimate.least}**{money(estimate.total)}**",
            ]
        )
        for estimate in estimates
    ]


def _compared(comparison: Comparison) -> list[str]:
    after, (more, share) = comparison.after, rows.difference(comparison)
    total = f"{after.least}${money(after.total)} a month"
    rise = f"{more} USD, {share}" if share else f"difference: {more}"
    *changes, last = rows.of_comparison(comparison)
    if not changes:
        return [f"### `{after.stack}` costs {total}, as before"]
    table = [_row([_escaped(cell) for cell in row]) for row in changes]
    return [
        f"### `{after.stack}` would cost {total} ({rise})",
        "",
        "| | before | after | difference | |",
        "|---|--:|--:|--:|--:|",
        *_cut(table, MOST_CHANGES, "changes", as_row=True),
        _row([f"**{cell}**" if cell else "" for cell in last]),
    ]


def _sentences(estimate: Estimate, several: bool) -> list[str]:
    sentences = [*estimate.expected(), *rows.unpriced_words(estimate)]
    return [f"`{estimate.stack}`: {text}" if several else text for text in sentences]


def _folded(estimates: Sequence[Estimate], room: int) -> list[str]:
    """The lines of each resource, or of each of several stacks, as far as there is room."""
    folds = _folds(estimates)
    block: list[str] = []
    for at, (title, lines) in enumerate(folds):
        most = room - len(block) - FOLD_LINES
        if most < min(len(lines), 2):
            what = "resources" if len(estimates) == 1 else "stacks"
            return [*block, f"and {len(folds) - at} more {what}"] if block else []
        block += ["", *_fold(title, _cut(lines, most, "lines", as_row=True))]
    return block


def _folds(estimates: Sequence[Estimate]) -> list[tuple[str, list[str]]]:
    """What a fold is called, and its rows."""
    if len(estimates) > 1:
        return [
            (estimate.stack, [*map(escaped_row, _lines(estimate))])
            for estimate in estimates
            if estimate.lines
        ]
    return [
        (
            f"{lines[0].resource}: {rows.subtotal(lines)}",
            [escaped_row(rows.of_line(line)) for line in lines],
        )
        for lines in rows.by_resource(estimates[0].lines)
    ]


def _lines(estimate: Estimate) -> Iterable[Sequence[str]]:
    """Each resource, and its lines."""
    return (row.cells for row in rows.of_estimate(estimate) if row.level in {1, 2})


def escaped_row(cells: Iterable[str]) -> str:
    """A row of a table, whatever its cells hold."""
    return _row([_escaped(cell) for cell in cells])


def fold(title: str, heads: Sequence[str], cells: Iterable[Sequence[str]]) -> list[str]:
    """A table that is folded away; its first column is text, the others are numbers."""
    dashes = "|---" + "|--:" * (len(heads) - 1) + "|"
    return [*_opened(title), _row(heads), dashes, *map(escaped_row, cells), "</details>"]


def _opened(title: str) -> list[str]:
    return [f"<details><summary>{escape(' '.join(title.split()))}</summary>", ""]


def _fold(title: str, lines: Sequence[str]) -> list[str]:
    return [
        *_opened(title),
        _row(rows.HEADS),
        "|---|--:|---|--:|--:|",
        *lines,
        "</details>",
    ]


def _cut(lines: Sequence[str], most: int, what: str, *, as_row: bool = False) -> list[str]:
    if len(lines) <= most:
        return list(lines)
    rest = f"and {len(lines) - most + 1} more {what}"
    return [*lines[: most - 1], _row([rest]) if as_row else rest]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escaped(text: str) -> str:
    return escaped(text).replace("|", "\\|")


def escaped(text: str) -> str:
    """Text without what a name could do to the page."""
    return " ".join(text.replace("<", "&lt;").replace("[", "\\[").split())
