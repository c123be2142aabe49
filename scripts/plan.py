"""What a stack would have, offline: no CLI, no credentials, no network, and no import for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planning.plan import plan_stack
from scripts.lib import plan_views
from scripts.lib.command import STARTED_IN, Json, Stack, Word, application, chosen

app = application(__doc__)


@app.command()
def plan(
    word: Word = None,
    stack: Stack = None,
    json_: Json = False,
    graph: Annotated[Path | None, typer.Option(help="Draw it into this .svg file.")] = None,
) -> None:
    """Show what a stack would have, without CLI, credentials or network."""
    planned = plan_stack(chosen(word, stack))
    if graph is not None:
        print(plan_views.write_graph(planned, STARTED_IN / graph))
    elif json_:
        print(planned.json(), end="")
    else:
        print(plan_views.text(planned), end="")
