"""``./stages cost cheapest``: on each cloud the cheapest sizes that meet what a stack needs."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer

from scripts.lib import cost_output
from scripts.lib.command import Stack, Word, chosen
from scripts.lib.cost_output import Format, FormatOption, JsonOption


def cheapest(
    word: Word = None,
    stack: Stack = None,
    vcpus: Annotated[
        int | None, typer.Option(min=1, max=1024, help="At least this much for the server.")
    ] = None,
    memory_gib: Annotated[
        int | None, typer.Option(min=1, max=1024, help="At least this much for the server.")
    ] = None,
    database_vcpus: Annotated[
        int | None, typer.Option(min=1, max=1024, help="At least this much for the database.")
    ] = None,
    database_memory_gib: Annotated[
        int | None, typer.Option(min=1, max=1024, help="At least this much for the database.")
    ] = None,
    standby: Annotated[
        bool | None, typer.Option("--standby/--no-standby", help="With a standby of the database.")
    ] = None,
    format: FormatOption = Format.table,
    json_: JsonOption = False,
) -> None:
    """Find the cheapest sizes on each cloud for a stack.

    What no option names is what the stack has now. The other settings are the stack's on each
    cloud; its region, image and zones only on its own.
    """
    from planning.costs.cheapest import as_document, as_markdown, as_table  # late: it loads SDKs
    from scripts.lib.cheapest import offers

    today = datetime.date.today()
    need, offered = offers(
        chosen(word, stack),
        vcpus=vcpus,
        memory_gib=memory_gib,
        database_vcpus=database_vcpus,
        database_memory_gib=database_memory_gib,
        standby=standby,
        today=today,
    )
    cost_output.show(
        format,
        json_,
        document=lambda: as_document(need, offered),
        markdown=lambda: as_markdown(need, offered, today),
        table=lambda: as_table(need, offered, today),
    )
