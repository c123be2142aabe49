"""Keeps the price files true: asks the vendors with the operator's own credentials, or reads files.

A price that has no rule is kept as it is. When any other one is not exactly one product, nothing
is written. With --from, what the vendors' files in a folder cover is looked up there and needs no
account: AWS's offers, and saved answers of DigitalOcean's GET /v2/sizes.

Exit codes: 0 done, nothing has changed; 1 the vendor does not answer; 2 bad input, a product that
is missing or there twice; 5 `check` found changes.
"""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import Annotated

import typer

from components import atomic_write
from components.cloud_names import cloud_names
from components.errors import PRICES_CHANGED, invalid
from components.seam.costs import Price, PriceList
from components.seam.provider import load
from planning import files
from planning.costs import price_books, price_file
from planning.costs.price_changes import changes
from scripts.lib.command import application

app = application(__doc__, no_args_is_help=True)
CloudArgument = Annotated[
    str | None,
    typer.Argument(help="aws or digitalocean; every cloud with a price list, unless named."),
]
Regions = Annotated[
    list[str] | None, typer.Option("--region", help="Also look up every price in this region.")
]

From = Annotated[
    Path | None, typer.Option("--from", help="A folder with the vendors' price files (JSON).")
]


@app.command()
def refresh(cloud: CloudArgument = None, region: Regions = None, from_: From = None) -> int:
    """Look the prices up and write them."""
    for name, before, after in _looked_up(cloud, region or [], from_):
        path = price_books.prices_path(name)
        atomic_write.write(path, price_file.render(name, after))
        _say(name, changes(before, after), len(after))
    return 0


@app.command()
def check(cloud: CloudArgument = None, region: Regions = None, from_: From = None) -> int:
    """Look the prices up and say what has changed; write nothing."""
    changed = False
    for name, before, after in _looked_up(cloud, region or [], from_):
        sentences = changes(before, after)
        _say(name, sentences, len(after))
        changed |= bool(sentences)
    return PRICES_CHANGED if changed else 0


def _chosen(cloud: str | None) -> dict[str, PriceList]:
    able = {name: own for name in cloud_names() if (own := load(name).price_list)}
    if cloud is None:
        return able
    if cloud not in able:
        raise invalid("cloud", f"one of {', '.join(able)}", cloud)
    return {cloud: able[cloud]}


def _looked_up(
    cloud: str | None, regions: list[str], folder: Path | None
) -> list[tuple[str, tuple[Price, ...], list[Price]]]:
    """Each cloud's prices and those of now; they make a file that can be read again."""
    today = datetime.date.today()
    saved = None if folder is None else sorted(folder.rglob("*.json"))
    chosen, books = _chosen(cloud), []
    for name, price_list in chosen.items():
        path = price_books.prices_path(name)
        before = price_file.parse(files.read(path, path.name), f"{name}/{path.name}", today)
        if saved is None:
            after: list[Price] | None = price_list.fetch(before, regions, today, time.sleep)
        else:
            after = price_list.from_files(before, regions, saved)
        if after is not None:
            price_file.parse(price_file.render(name, after), f"the prices of {name}", today)
            books.append((name, before, after))
    if not books:
        raise invalid("--from", f"a folder with price files of {' or '.join(chosen)}", str(folder))
    return books


def _say(cloud: str, sentences: list[str], count: int) -> None:
    for sentence in sentences:
        print(sentence)
    print(f"{cloud}: {len(sentences)} of {count} prices have changed.")
