"""``./stages cost diff``: what lies between two revisions of this repository, in dollars."""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from components.errors import FAILED, invalid
from scripts.lib import cost_output
from scripts.lib.command import ROOT, Stacks
from scripts.lib.cost_output import Format, FormatOption, JsonOption


def diff(
    before: Annotated[
        str,
        typer.Argument(metavar="REVISION", help="Branch, tag or commit.", show_default=False),
    ],
    after: Annotated[
        str, typer.Argument(metavar="REVISION", help="Branch, tag or commit.")
    ] = "HEAD",
    stack: Stacks = None,
    format: FormatOption = Format.table,
    json_: JsonOption = False,
) -> int:
    """Compare what stacks cost at two revisions.

    All stacks, or those of --stack. Each revision is planned by its own settings and code; both
    are priced by the rules and prices of this checkout. What is not committed does not count. Exit
    code 1: a stack has no plan.
    """
    from planning.costs import price_books  # late: the list of verbs should come at once
    from planning.costs.compare import compare
    from planning.costs.estimate import Estimate, estimate
    from planning.costs.plan_file import CostPlan, of_document
    from planning.costs.revisions import Revised, as_document, as_markdown, as_table
    from planning.difference.assemble import Side
    from scripts.lib.preview import inputs, offline, revisions

    base, head = (revisions.commit(ROOT, given, "REVISION") for given in (before, after))
    today = datetime.date.today()
    clouds = price_books.all_clouds(today)

    def price(name: str, side: Side) -> Estimate:
        plan = of_document(side.plan, name) if side.plan else CostPlan(stack=name, resources=())
        return estimate(plan, clouds)

    def revised(name: str, old: Side, new: Side) -> Revised:
        error = new.error or old.error
        both = None if error else compare(price(name, old), price(name, new))
        return Revised(stack=name, comparison=both, error=" ".join(error.split()))

    with tempfile.TemporaryDirectory(prefix="stages-cost-diff-") as folder:
        offline.make(ROOT, {"base": base, "head": head}, stack or [], Path(folder))
        sides = inputs.sides(Path(folder))
    for name in stack or ():
        if name not in sides:
            raise invalid("--stack", f"a stack of {before} or {after}", name)
    stacks = [revised(name, *both) for name, both in sides.items()]
    title = f"{before} -> {after}"
    cost_output.show(
        format,
        json_,
        document=lambda: as_document(stacks, base, head),
        markdown=lambda: as_markdown(stacks, title, today),
        table=lambda: as_table(stacks, title, today),
    )
    return FAILED if any(stack.error for stack in stacks) else 0
