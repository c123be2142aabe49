"""What stacks cost a month, before anything exists.

A stack is the middle of stacks/Pulumi.<stack>.yaml, or a plan file: the offline plan, or what
``pulumi preview --json --show-sames`` prints. No account, no key and no network is needed.

Exit codes: 0 done; 2 bad input, or with --strict something that has no price; 3 above the budget.
"""

from __future__ import annotations

import datetime
import sys
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from components import atomic_write
from components.errors import OVER_BUDGET, UserError, invalid
from components.seam.planned import MOST
from components.visible import visible
from planning import files
from planning.costs import compare as comparing
from planning.costs import price_books
from planning.costs import usage as usage_file
from planning.costs.compare import Comparison
from planning.costs.estimate import Cloud, Estimate, estimate, money
from planning.costs.plan_file import CostPlan, in_region
from scripts.cost_cheapest import cheapest
from scripts.cost_diff import diff
from scripts.cost_what_if import what_if
from scripts.lib import cost_inputs, cost_output
from scripts.lib.command import DEFAULT_STACK, Stacks, application, chosen, complete
from scripts.lib.command import Stack as OneStack


class Format(StrEnum):
    """What comes out."""

    table = "table"
    json = "json"
    markdown = "markdown"
    html = "html"


class _Estimating(TyperGroup):
    """``cost aws-stage1`` means ``cost estimate aws-stage1``."""

    def parse_args(self, ctx, args):  # type: ignore[no-untyped-def]
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["estimate", *args]
        return super().parse_args(ctx, args)


app = application(__doc__, cls=_Estimating, no_args_is_help=True)
Out = Annotated[Path | None, typer.Option(help="Write it into this file instead.")]
Word = Annotated[
    str | None,
    typer.Argument(
        metavar="STACK",
        autocompletion=complete,
        help="A stack or a plan file.",
        show_default=False,
    ),
]
UsageOption = Annotated[
    Path | None, typer.Option(help="Quantities that no plan knows; `usage` lists them.")
]


@app.command("estimate")
def estimate_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STACK",
            autocompletion=complete,
            help="Stacks or plan files.",
            show_default=False,
        ),
    ] = None,
    stack: Stacks = None,
    compare: Annotated[
        str | None,
        typer.Option(help="A stack, a plan file, or the saved JSON of an earlier run."),
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Dollars a month; exit code 3 when a stack costs more.")
    ] = None,
    usage: UsageOption = None,
    region: Annotated[str, typer.Option(help="Region of resources whose plan names none.")] = "",
    format: Annotated[Format, typer.Option(help="What comes out.")] = Format.table,
    json_: cost_output.JsonOption = False,
    out: Out = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="One row for each resource, in a table.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 2 when something has no price.")
    ] = False,
) -> int:
    """Estimate stacks. (The word `estimate` may be left out.)"""
    today = datetime.date.today()
    most = _budget(budget)
    named = [*(words or ()), *(stack or ())] or [DEFAULT_STACK]
    if compare is not None and len(named) != 1:
        raise UserError(f"--compare: should come with one stack, got {len(named)}")
    clouds = price_books.all_clouds(today)
    quantities = _usage(usage, clouds)

    def priced(plan: CostPlan) -> Estimate:
        return estimate(in_region(plan, region), clouds, quantities)

    estimates = [priced(cost_inputs.plan(given)) for given in named]
    comparison = None
    if compare is not None:
        before = cost_inputs.before(compare, estimates[0].stack, priced)
        comparison = comparing.compare(before, estimates[0])
    usage_file.check(
        quantities, str(usage), [*estimates, *([comparison.before] if comparison else [])]
    )
    shown = Format.json if json_ else format
    _write(_rendered(estimates, comparison, shown, today, out, summary), out)
    return _judged(estimates, comparison, most, strict)


@app.command()
def usage(word: Word = None, stack: OneStack = None) -> None:
    """Print a usage file to fill in.

    It has every key, its unit and its default; of a STACK only those that its lines use.
    """
    clouds = price_books.all_clouds(datetime.date.today())
    if word is None and stack is None:
        print(usage_file.template(clouds), end="")
        return
    from planning.costs import usage_example

    print(usage_example.of_plan(cost_inputs.plan(chosen(word, stack)), clouds), end="")


@app.command()
def chart(
    out: Annotated[
        Path | None, typer.Option(help="A folder other than docs/; costs.md there is optional.")
    ] = None,
) -> None:
    """Draw every stack of this checkout into docs/costs.svg, its numbers into docs/costs.md and
    README.md."""
    from planning.costs import chart as drawing
    from planning.costs import markdown

    today = datetime.date.today()
    clouds = price_books.all_clouds(today)
    estimates = [estimate(cost_inputs.plan(name), clouds) for name in cost_inputs.stack_names()]
    folder = out or cost_inputs.ROOT / "docs"
    atomic_write.write(folder / "costs.svg", drawing.draw(estimates))
    pages = [folder / "costs.md", *([cost_inputs.ROOT / "README.md"] if out is None else [])]
    for page in filter(Path.exists, pages):
        text = files.read(page, str(page))
        atomic_write.write(page, markdown.with_numbers(text, estimates, str(page)))


app.command("what-if")(what_if)
app.command("cheapest")(cheapest)
app.command("diff")(diff)


def _budget(given: str | None) -> Decimal | None:
    if given is None:
        return None
    try:
        budget = Decimal(given)
    except InvalidOperation:
        budget = Decimal("NaN")
    if not budget.is_finite() or not 0 <= budget <= MOST:
        raise invalid("--budget", "dollars a month, 0 or more", given)
    return budget


def _usage(path: Path | None, clouds: list[Cloud]) -> dict[tuple[str, ...], Decimal]:
    if path is None:
        return {}
    text = files.read(path, str(path))
    return usage_file.parse(text, str(path), usage_file.keys(clouds))


def _rendered(
    estimates: list[Estimate],
    comparison: Comparison | None,
    format: Format,
    today: datetime.date,
    out: Path | None,
    summary: bool,
) -> str:
    """The text to show. Only what the format needs is imported."""
    if format is Format.json:
        from planning.costs import document

        return document.of_estimates(estimates, today, comparison)
    if format is Format.markdown:
        from planning.costs import markdown

        return markdown.of_estimates(estimates, today, comparison)
    if format is Format.html:
        from planning.costs import page

        return page.of_estimates(estimates, today, comparison)
    from planning.costs import table

    if comparison:
        shown = table.of_comparison(comparison, today)
    elif len(estimates) == 1:
        shown = table.of_estimate(estimates[0], today, summary=summary)
    else:
        shown = table.of_many(estimates, today)
    return cost_output.as_text(shown, into_file=out is not None)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
    else:
        atomic_write.write(out, text)


def _judged(
    estimates: list[Estimate], comparison: Comparison | None, most: Decimal | None, strict: bool
) -> int:
    """The exit code, and why, on standard error."""
    missing = sum(len(estimate.unpriced) for estimate in estimates)
    if strict and missing:
        raise UserError(f"--strict: everything should have a price, got {missing} without one")
    before = comparison.before.total if comparison else None
    broken = [
        estimate
        for estimate in estimates
        if most is not None and comparing.above(estimate.total, most, before)
    ]
    for too_dear in broken:
        over = (
            f"${money(too_dear.total)} a month is above the budget of ${money(most or Decimal(0))}"
        )
        print(visible(f"{too_dear.stack}: {over}."), file=sys.stderr)
    if most is not None and not broken:
        for priced in estimates:
            priced.complete()
    return OVER_BUDGET if broken else 0
