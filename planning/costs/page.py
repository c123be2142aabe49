"""Estimates as one page of HTML that needs nothing else; the lines of a resource fold."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from html import escape

from planning.costs import rows
from planning.costs.compare import Comparison
from planning.costs.estimate import PARTS, Estimate, money

STYLE = """
body { font: 15px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #14202b;
  margin: 2rem auto; max-width: 60rem; padding: 0 1rem; background: #fff; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #e3e8ed; }
th:first-child, td:first-child, .lines th:nth-child(3), .lines td:nth-child(3) {
  text-align: left; }
td { white-space: nowrap; }
td:first-child { white-space: normal; }
.lines { margin: 0 0 .6rem 2rem; width: calc(100% - 2rem); }
.part, .total { display: flex; justify-content: space-between; padding: .25rem .6rem;
  font-weight: 600; background: #f1f4f7; }
.total, tr.total td { border-top: 2px solid #45525f; font-weight: 600; }
summary { padding: .25rem .6rem .25rem 1.4rem; cursor: pointer; }
summary span { float: right; }
@media (max-width: 40rem) { .lines { display: block; overflow-x: auto; } }
"""


def of_estimates(
    estimates: Sequence[Estimate], today: datetime.date, comparison: Comparison | None = None
) -> str:
    """The page, as text that ends with a newline."""
    parts = [_comparison(comparison)] if comparison else []
    for estimate in estimates:
        parts.append(
            f"<h1>{escape(estimate.stack)}: {estimate.least}${money(estimate.total)} a month</h1>"
        )
        parts += _parts(estimate)
        parts += [f"<p>{escape(text)}</p>" for text in rows.notes(estimate, today)]
    title = "What " + ", ".join(estimate.stack for estimate in estimates) + " cost a month"
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>\n</head>\n<body>",
            *parts,
            "</body>\n</html>\n",
        ]
    )


def _parts(estimate: Estimate) -> Iterable[str]:
    """Each part and its sum, the resources below it, and the total."""
    for part in PARTS:
        lines = estimate.of_part(part)
        if lines:
            yield _sum("part", rows.TITLES[part], rows.subtotal(lines))
        for own in rows.by_resource(lines):
            name, usd = escape(own[0].resource), rows.subtotal(own)
            yield f"<details><summary>{name} <span>{usd}</span></summary>"
            yield _table(rows.HEADS, (_row(rows.of_line(line), "line") for line in own), "lines")
            yield "</details>"
    yield _sum("total", rows.total_label(estimate), money(estimate.total))


def _sum(kind: str, name: str, usd: str) -> str:
    return f'<div class="{kind}"><span>{name}</span><span>{usd}</span></div>'


def _comparison(comparison: Comparison) -> str:
    *changes, last = rows.of_comparison(comparison)
    heads = ("", *rows.names(comparison), "Difference", "")
    body = [*(_row(row, "line") for row in changes), _row(last, "total")]
    table = _table(heads, body, "changes")
    return f"<h1>What changes</h1>\n{table}"


def _table(heads: Iterable[str], body: Iterable[str], kind: str) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return "\n".join([f'<table class="{kind}">\n<tr>{head}</tr>', *body, "</table>"])


def _row(cells: Iterable[str], kind: str) -> str:
    inner = "".join(f"<td>{escape(text)}</td>" for text in cells)
    return f'<tr class="{kind}">{inner}</tr>'
