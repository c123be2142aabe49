"""How many of each process of the app run: ``stages:app.web_processes`` and ``app.processes``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from components.errors import UserError, invalid
from scripts.lib import app_server, flows, session
from scripts.lib.command import Stack, Yes, application, chosen, complete
from scripts.lib.confirm import confirm

app = application(__doc__)

WORD = re.compile(r"([A-Za-z0-9_-]{1,40})=([0-9]{1,4})", re.ASCII)
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STACK PROCESS=COUNT...",
        autocompletion=complete,
        help="Which stack, unless --stack names it; then how many of each process.",
        show_default=False,
    ),
]


@app.command()
def scale(words: Words = None, stack: Stack = None, yes: Yes = False) -> None:
    """Change how many of a process run, and deploy. The count is kept once the app serves."""
    named = list(words or ())
    name = chosen(None if stack is not None or not named else named.pop(0), stack)
    counts = parsed(named)
    opened = session.open_session(name)
    app_server.refuse_moved(opened, "scale", *named)

    def edit(file: Path) -> None:
        for process, count in counts.items():
            path = f'stages:["app.processes"]["{process}"]'
            if process == "web":
                path = "stages:app.web_processes"
            opened.engine.configure(file, path, count, "int")

    shown = ", ".join(f"{process}={count}" for process, count in counts.items())
    opened.say(f"{opened.stack}: {shown} is being deployed.")
    flows.up_with(opened, edit, yes=yes, ask=confirm)
    opened.say(f"stacks/{opened.checkout.settings_file(opened.stack).name}: {shown} set.")


def parsed(words: Sequence[str]) -> dict[str, str]:
    """Counts by process; raises ``UserError``."""
    if not words:
        raise UserError("PROCESS: should follow the stack, got none", "For example: worker=2")
    counts = {}
    for word in words:
        if not (match := WORD.fullmatch(word)):
            raise invalid("PROCESS", "a name and a count", word[:40], "For example: worker=2")
        counts[match[1]] = match[2]
    return counts
