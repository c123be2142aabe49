"""Estimates as one page of HTML that needs nothing else."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from html import escape

from planning.costs import rows
from planning.costs.compare import Comparison
from planning.costs.estimate import Estimate, money

STYLE = """
body { font: 15px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #14202b;
  margin: 2rem auto; max-width: 60rem; padding: 0 1rem; background: #fff; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #e3e8ed; }
th:first-child, td:first-child, .lines th:nth-child(3), .lines td:nth-child(3) {
  text-align: left; }
td { white-space: nowrap; }
td:first-child { white-space: normal; }
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
        parts.append(f"<h1>{escape(found.stack)}: {found.least}${money(found.total)} a month</h1>")
        parts.append(_table(rows.HEADS, _rows(found), "lines"))
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
    heads = ("", *rows.names(found), "Difference", "")
    body = [*(_row(row, "line") for row in changes), _row(last, "total")]
    table = _table(heads, body, "changes")
    return f"<h1>What changes</h1>\n{table}"


def _table(heads: Iterable[str], body: Iterable[str], kind: str) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return "\n".join([f'<table class="{kind}">\n<tr>{head}</tr>', *body, "</table>"])


def _row(cells: Iterable[str], kind: str) -> str:
    inner = "".join(f"<td>{escape(text)}</td>" for text in cells)
    return f'<tr class="{kind}">{inner}</tr>'
