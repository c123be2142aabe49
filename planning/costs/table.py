"""Estimates as tables for a terminal."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from components.visible import visible
from planning.costs import rows
from planning.costs.compare import Comparison
from planning.costs.estimate import PARTS, Estimate, money, total

SIDE_BY_SIDE = 3
"""So many stacks fit beside each other; more are below each other."""


def of_estimate(found: Estimate, today: datetime.date, *, summary: bool = False) -> RenderableType:
    """One stack in full, or in short with one row for each resource."""
    if summary:
        return Group(_summary(found), notes(rows.notes(found, today)))
    table = new(f"What {found.stack} costs a month", ("", *rows.HEADS[1:]))
    for row in rows.of_estimate(found):
        style = {0: "bold", 1: "", 2: "dim" if row.cells[1] == rows.UNTOLD else "", 3: "bold"}
        if row.level in {0, 3}:
            table.add_section()
        indent = "  " * min(row.level, 2) * (row.level < 3)
        add(table, indent + row.cells[0], *row.cells[1:], style=style[row.level])
    return Group(table, notes(rows.notes(found, today)))


def _summary(found: Estimate) -> Table:
    table = new(f"What {found.stack} costs a month", ("", "Lines", "USD a month"))
    for row in rows.of_estimate(found, summary=True):
        if row.level in {0, 3}:
            table.add_section()
        name, lines, *_, usd = row.cells
        label, style = (f"  {name}", "") if row.level == 1 else (name, "bold")
        add(table, label, lines, usd, style=style)
    return table


def of_many(all_: Sequence[Estimate], today: datetime.date) -> RenderableType:
    """Several stacks: beside each other by kind of cost, or one a row."""
    table = _side_by_side(all_) if len(all_) <= SIDE_BY_SIDE else _below_each_other(all_)
    told = [text for found in all_ for text in _short(found)]
    return Group(table, notes([*told, *rows.price_words(all_, today)]))


def _side_by_side(all_: Sequence[Estimate]) -> Table:
    table = new("What the stacks cost a month", ("USD", *(found.stack for found in all_)))
    for part in PARTS:
        if not any(found.of_part(part) for found in all_):
            continue
        table.add_section()
        sums = (rows.subtotal(found.of_part(part)) for found in all_)
        add(table, rows.TITLES[part], *sums, style="bold")
        for kind, name in rows.KINDS.items():
            lines = [[line for line in found.of_part(part) if line.kind == kind] for found in all_]
            if any(total(each) for each in lines):
                add(table, f"  {name}", *(rows.subtotal(each) for each in lines))
    table.add_section()
    add(table, "Total", *(f"{found.least}{money(found.total)}" for found in all_), style="bold")
    return table


def _below_each_other(all_: Sequence[Estimate]) -> Table:
    table = new("What the stacks cost a month", ("USD", *rows.TITLES.values(), "Total"))
    for found in all_:
        sums = (rows.subtotal(found.of_part(part)) for part in PARTS)
        add(table, found.stack, *sums, f"{found.least}{money(found.total)}")
    return table


def _short(found: Estimate) -> list[str]:
    return [f"{found.stack}: {text}" for text in (*found.expected(), *rows.unpriced_words(found))]


def of_comparison(found: Comparison, today: datetime.date) -> RenderableType:
    """What rises and what falls."""
    title = f"What changes: {found.after.stack}"
    table = new(title, ("USD a month", *rows.names(found), "Difference", ""))
    *changes, last = rows.of_comparison(found)
    for row in changes:
        add(table, *row)
    if not changes:
        add(table, "nothing", "", "", "", "")
    table.add_section()
    add(table, *last, style="bold")
    told = [*found.after.expected(), *rows.unpriced_in(found)]
    return Group(table, notes([*told, *rows.price_words([found.before, found.after], today)]))


def new(title: str, heads: Sequence[str]) -> Table:
    """An empty table."""
    table = Table(title=_text(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for at, head in enumerate(heads):
        left = at == 0 or head == "Unit"
        table.add_column(_text(head), justify="left" if left else "right", overflow="fold")
    return table


def add(table: Table, *cells: str, style: str = "") -> None:
    """Add a row whose cells are shown as they are."""
    table.add_row(*(_text(cell) for cell in cells), style=style)


def _text(words: str) -> Text:
    """Text as it is: a name such as ``web[/x]`` is no markup, and no character hides in it."""
    return Text(visible(words))


def notes(told: Sequence[str]) -> RenderableType:
    """Sentences below a table."""
    return Padding(_text("\n".join(told)), (0, 0, 0, 1))
