"""Estimates as tables for a terminal."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from planning.costs import rows
from planning.costs.compare import Comparison
from planning.costs.estimate import PARTS, Estimate, money, total

SIDE_BY_SIDE = 3
"""So many stacks fit beside each other; more are below each other."""


def of_estimate(found: Estimate, today: datetime.date) -> RenderableType:
    """One stack in full."""
    table = _table(f"What {found.stack} costs a month", ("", *rows.HEADS[1:]))
    for row in rows.of_estimate(found):
        style = {0: "bold", 1: "", 2: "dim" if row.cells[1] == rows.UNTOLD else "", 3: "bold"}
        if row.level in {0, 3}:
            table.add_section()
        table.add_row(
            "  " * min(row.level, 2) * (row.level < 3) + row.cells[0],
            *row.cells[1:],
            style=style[row.level],
        )
    return Group(table, _notes(rows.notes(found, today)))


def of_many(all_: Sequence[Estimate], today: datetime.date) -> RenderableType:
    """Several stacks: beside each other by kind of cost, or one a row."""
    table = _side_by_side(all_) if len(all_) <= SIDE_BY_SIDE else _below_each_other(all_)
    told = [text for found in all_ for text in _short(found)]
    return Group(table, _notes([*told, *rows.price_words(all_, today)]))


def _side_by_side(all_: Sequence[Estimate]) -> Table:
    table = _table("What the stacks cost a month", ("USD", *(found.stack for found in all_)))
    for part in PARTS:
        if not any(found.of_part(part) for found in all_):
            continue
        table.add_section()
        sums = (rows.subtotal(found.of_part(part)) for found in all_)
        table.add_row(rows.TITLES[part], *sums, style="bold")
        for kind, name in rows.KINDS.items():
            lines = [[line for line in found.of_part(part) if line.kind == kind] for found in all_]
            if any(total(each) for each in lines):
                table.add_row(f"  {name}", *(rows.subtotal(each) for each in lines))
    table.add_section()
    table.add_row("Total", *(f"{found.least}{money(found.total)}" for found in all_), style="bold")
    return table


def _below_each_other(all_: Sequence[Estimate]) -> Table:
    table = _table("What the stacks cost a month", ("USD", *rows.TITLES.values(), "Total"))
    for found in all_:
        sums = (rows.subtotal(found.of_part(part)) for part in PARTS)
        table.add_row(found.stack, *sums, f"{found.least}{money(found.total)}")
    return table


def _short(found: Estimate) -> list[str]:
    return [f"{found.stack}: {text}" for text in (*found.expected(), *rows.unpriced_words(found))]


def of_comparison(found: Comparison, today: datetime.date) -> RenderableType:
    """What rises and what falls."""
    title = f"What changes: {found.after.stack}"
    table = _table(title, ("USD a month", *rows.names(found), "Difference", ""))
    *changes, last = rows.of_comparison(found)
    for row in changes:
        table.add_row(*row)
    if not changes:
        table.add_row("nothing", "", "", "", "")
    table.add_section()
    table.add_row(*last, style="bold")
    told = [*found.after.expected(), *rows.unpriced_words(found.after)]
    return Group(table, _notes([*told, *rows.price_words([found.before, found.after], today)]))


def _table(title: str, heads: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for at, head in enumerate(heads):
        left = at == 0 or head == "Unit"
        table.add_column(head, justify="left" if left else "right", overflow="fold")
    return table


def _notes(told: Sequence[str]) -> RenderableType:
    return Padding(Text("\n".join(told)), (0, 0, 0, 1))
