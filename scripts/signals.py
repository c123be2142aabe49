"""Stay on stage 1, or move on to stage 2? Five signs, measured on the stack's own server.

STACK is a stack of stage 1 that is up. Its server is asked over SSH; nothing is changed.

Exit codes: 0 stay; 6 move on; 1 the stack is not up or its server does not answer; 2 bad input, or
a stack that is no stage 1.
"""

from __future__ import annotations

import datetime
import time
from typing import Annotated

import typer

from components import outputs
from components.errors import MOVE_ON, UserError, not_up
from components.seam.provider import load
from components.settings import stacks
from components.visible import visible, visible_json
from scripts.lib import session, views
from scripts.lib.command import Json, Stack, Word, application, chosen
from scripts.lib.signals import asking, next_stage, report
from scripts.lib.signals.signs import five
from scripts.lib.signals.verdicts import Verdict
from scripts.lib.since import begin

app = application(__doc__)


@app.command(help=__doc__)
def signals(
    word: Word = None,
    stack: Stack = None,
    since: Annotated[
        str,
        typer.Option(help="How far back: 30m, 24h, 7d; or a time, in UTC: 2026-11-22T18:00."),
    ] = "7d",
    json_: Json = False,
) -> int:
    """Measure whether it is time to leave stage 1."""
    until = time.time()
    start = begin(since, until)
    opened = session.open_session(chosen(word, stack))
    stack = opened.stack
    settings = opened.settings
    if settings.stage != 1:
        raise UserError(
            f"Stack {stack}: should be one of stage 1, got stage {settings.stage}",
            "The signals say when to leave stage 1; this stack has left it.",
        )
    values = views.values(opened)
    if not values.get(outputs.SSH_HOST):
        raise not_up(stack)
    evidence = asking.ask(stack, values, start, until)
    file = opened.checkout.settings_file(stack)
    evaluated = report.Report(
        stack=stack,
        evidence=evidence,
        signs=five(evidence, load(settings.cloud).downtime, settings.maintenance.window_min),
        cost=next_stage.cost(
            stack, settings, stacks.values(file, f"stacks/{file.name}"), datetime.date.today()
        ),
    )
    if json_:
        print(visible_json(evaluated.as_json()))
    else:
        print(visible("\n".join(evaluated.lines())))
    return MOVE_ON if evaluated.verdict is Verdict.move_on else 0
