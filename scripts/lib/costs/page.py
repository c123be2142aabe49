"""Estimates as one page of HTML that needs nothing else."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from html import escape

from scripts.lib.costs import rows
from scripts.lib.costs.compare import Comparison
from scripts.lib.costs.estimate import Estimate, money

STYLE = """
body { font: 15px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #14202b;
  margin: 2rem auto; max-width: 60rem; padding: 0 1rem; background: #fff; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #e3e8ed; }
th:first-child, td:first-child, .unit { text-align: left; }
.part td, .total td { font-weight: 600; background: #f1f4f7; }
.line td:first-child { padding-left: 2.4rem; }
.resource td:first-child { padding-left: 1.4rem; color: #45525f; }
.total td { border-top: 2px solid #45525f; }
"""
CLASSES = ("part", "resource", "line", "total")


def of_estimates(
    all_: Sequence[Estimate], today: datetime.date, comparison: Comparison | None = None
) -> str:
    """The page, as text that ends with a newline."""
    parts = [_comparison(comparison)] if comparison else []
    for found in all_:
        parts.append(f"<h1>{escape(found.stack)}: ${money(found.total)} a month</h1>")
        parts.append(_table(rows.HEADS, _rows(found)))
        parts += [f"<p>{escape(text)}</p>" for text in rows.notes(found, today)]
    title = "What " + ", ".join(found.stack for found in all_) + " cost a month"
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>\n</head>\n<body>",
            *parts,
            "</body>\n</html>\n",
        ]
    )


def _rows(found: Estimate) -> Iterable[str]:
    for row in rows.of_estimate(found):
        yield _row(row.cells, CLASSES[row.level])


def _comparison(found: Comparison) -> str:
    *changes, last = rows.of_comparison(found)
    heads = ("", found.before.stack, found.after.stack, "Difference", "")
    table = _table(heads, [*(_row(row, "line") for row in changes), _row(last, "total")])
    return f"<h1>What changes</h1>\n{table}"


def _table(heads: Iterable[str], body: Iterable[str]) -> str:
    head = "".join(f"<th{_unit(at)}>{escape(text)}</th>" for at, text in enumerate(heads))
    return "\n".join([f"<table>\n<tr>{head}</tr>", *body, "</table>"])


def _row(cells: Iterable[str], kind: str) -> str:
    inner = "".join(f"<td{_unit(at)}>{escape(text)}</td>" for at, text in enumerate(cells))
    return f'<tr class="{kind}">{inner}</tr>'


def _unit(at: int) -> str:
    return ' class="unit"' if at == rows.HEADS.index("Unit") else ""
