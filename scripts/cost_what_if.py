"""``./stages cost what-if``: other settings of a stack, each beside what it costs as it is."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from components.errors import UserError, invalid
from planning.costs import price_books
from planning.costs.compare import compare
from planning.costs.estimate import Estimate, estimate
from scripts.lib import cost_inputs, cost_output
from scripts.lib.command import complete
from scripts.lib.cost_output import Format, FormatOption, JsonOption

EXAMPLE = "For example server.plan=t4g.small; docs/settings.md lists the keys."
TOGETHER = "all of them"
BETWEEN = re.compile(r",(?=[\w:.]+=)")
"""Between two settings of one alternative; the commas of a list are none."""


def what_if(
    name: Annotated[
        str,
        typer.Argument(metavar="STACK", autocompletion=complete, help="A stack of this checkout."),
    ],
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY=VALUE",
            help="Settings that it could have: each word is an alternative; those of one word"
            " (KEY=VALUE,KEY=VALUE) belong together.",
        ),
    ],
    format: FormatOption = Format.table,
    json_: JsonOption = False,
) -> None:
    """Price other settings of a stack beside its own.

    Each alone, and all together. Nothing is changed.
    """
    from planning.costs.what_if import Alternative, as_document, as_markdown, as_table  # late

    wanted = _alternatives(words)
    today = datetime.date.today()
    clouds = price_books.all_clouds(today)
    values = cost_inputs.stack_values(name)

    def price(settings: Mapping[str, str]) -> Estimate:
        return estimate(cost_inputs.of_values(name, {**values, **settings}), clouds)

    now = price({})
    alternatives = [
        Alternative(label=label, settings=settings, comparison=compare(now, price(settings)))
        for label, settings in wanted.items()
    ]
    together = _together(list(wanted.values()))
    if together:
        try:
            both, refused = compare(now, price(together)), ""
        except UserError as problem:  # each alone is right
            both, refused = None, str(problem)
        alternatives.append(
            Alternative(label=TOGETHER, settings=together, comparison=both, refused=refused)
        )
    cost_output.show(
        format,
        json_,
        document=lambda: as_document(now, alternatives),
        markdown=lambda: as_markdown(now, alternatives, today),
        table=lambda: as_table(now, alternatives, today),
    )


def _alternatives(words: Sequence[str]) -> dict[str, dict[str, str]]:
    """The settings of each word, by the word without its prefixes."""
    choices: dict[str, dict[str, str]] = {}
    for word in words:
        settings: dict[str, str] = {}
        for setting in BETWEEN.split(word):
            key, sign, value = setting.partition("=")
            if not sign or not key:
                raise invalid("KEY=VALUE", "a setting and its value", setting, EXAMPLE)
            settings[key.removeprefix("stages:")] = value
        choices[",".join(f"{key}={value}" for key, value in settings.items())] = settings
    return choices


def _together(choices: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """All settings of several alternatives; none where two of them set the same key."""
    keys = [key for settings in choices for key in settings]
    if len(choices) == 1 or len(keys) > len({*keys}):
        return {}
    return {key: value for settings in choices for key, value in settings.items()}
