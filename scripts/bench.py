"""How long things take, beside what they should take at most.

    \b
    costs      the estimate, over one and many plan files
    preview    the comment on a pull request, from offline plans
    stages     the local stages: coming up, doing nothing, at rest
    cold       the first `make up` on a machine (once, ten minutes)
    claims     what a text book says of connections and poolers
    users      users who browse both stages, and a heavy query among them
    failover   a primary that dies or falls silent, seen by its clients
    deploys    what users notice of deploys, restarts and rollbacks
    backups    how long a backup and a restore of 1 GB take, and what users notice of them
    promotion  what clients notice of a promotion of 1 GB and its rollback

Everything of a benchmark is measured in one go and paired; medians of three runs. Results go to
docs/benchmarks: a JSON file and pictures each, a page and a picture of all; beside that folder the
page that says what to believe of the claims. Those that bring up stacks need root and Linux.

Exit codes: 0 done, whether or not the aims are met; 1 a step failed; 2 bad input; 130 interrupted.
"""

from __future__ import annotations

import datetime
import json
import signal
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import (
    backups,
    charts,
    claims,
    claims_page,
    cold,
    costs,
    deploys,
    failover,
    here,
    page,
    plots,
    preview,
    promotion,
    recovery,
    stages,
    users,
)
from benchmarks.charts import Picture
from benchmarks.measures import Result, missed, of_document, shown
from components import atomic_write
from components.errors import Interrupted
from scripts.lib.command import application

app = application(__doc__)


class Benchmark(StrEnum):
    """What can be measured."""

    costs = "costs"
    preview = "preview"
    stages = "stages"
    cold = "cold"
    users = "users"
    claims = "claims"
    failover = "failover"
    deploys = "deploys"
    backups = "backups"
    promotion = "promotion"


MEASURING = {
    Benchmark.costs: costs.measure,
    Benchmark.preview: preview.measure,
    Benchmark.users: users.measure,
    Benchmark.claims: claims.measure,
    Benchmark.failover: failover.measure,
    Benchmark.deploys: deploys.measure,
    Benchmark.backups: backups.measure,
    Benchmark.promotion: promotion.measure,
}
"""What takes the number of runs and nothing else."""


@app.command(help=__doc__)
def bench(
    benchmark: Annotated[
        list[Benchmark] | None, typer.Argument(help="Benchmarks to run (default: all).")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each; the medians are kept.")] = 3,
    stage: Annotated[
        list[int] | None, typer.Option(min=1, max=2, help="`stages`: only this stage.")
    ] = None,
    out: Annotated[
        Path, typer.Option(help="The folder of the results.", show_default="docs/benchmarks")
    ] = (here.ROOT / "docs" / "benchmarks"),
    redraw: Annotated[
        bool, typer.Option("--redraw", help="Measure nothing; redraw the pictures.")
    ] = False,
) -> None:
    """Run the benchmarks and write their results."""
    charts.require_matplotlib()  # now, not after hours of measuring
    if redraw:
        _render(out)
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stacks are taken away then, too
    try:
        _measure(list(benchmark or Benchmark), runs, stage or [1, 2], out)
    except KeyboardInterrupt:
        raise Interrupted("Stopped; what it made is removed.") from None


def _measure(chosen: list[Benchmark], runs: int, stage: list[int], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for which in chosen:
        now, commit = datetime.datetime.now(datetime.UTC), here.commit()
        machine = here.machine()
        _say(f"{which}: load {machine.load_at_start:g} on {machine.cores} cores")
        done = runs
        if which is Benchmark.stages:
            measures = stages.measure(runs, stage, _say)
        elif which is Benchmark.cold:
            measures, done = cold.measure(_say), 1
        else:
            measures = MEASURING[which](runs, _say)
        date = f"{now:%Y-%m-%d %H:%M} UTC"
        _write(out, Result(which.value, date, commit, done, machine, measures))


@dataclass(frozen=True)
class Rendered:
    """All that is made of the results in a folder."""

    pages: dict[Path, str]
    """By their files."""
    pictures: dict[str, Picture]
    """By name, without an ending."""


def rendered(folder: Path) -> Rendered:
    """Pages and pictures of the results in a folder."""
    documents = {
        file.stem: json.loads(file.read_text())
        for name in (*Benchmark, recovery.NAME)
        if (file := folder / f"{name}.json").exists()
    }
    faults = documents.pop(recovery.NAME, None)
    results = [of_document(document) for document in documents.values()]
    drawn = {result.benchmark: plots.of(result) for result in results}
    return Rendered(
        pages={
            folder / "README.md": page.of_results(results, drawn),
            folder.parent / claims_page.FILE: claims_page.page(results),
        },
        pictures={
            page.AIMS: charts.shares(results),
            **{name: picture for named in drawn.values() for name, picture in named.items()},
            **({recovery.NAME: recovery.draw(faults)} if faults else {}),
        },
    )


def _render(out: Path) -> None:
    made = rendered(out)
    for file, text in made.pages.items():
        atomic_write.write(file, text)
    for name, picture in made.pictures.items():
        picture.write(out / name)


def _write(out: Path, result: Result) -> None:
    """Write the result, and what is made of all results that are there."""
    text = json.dumps(result.document(), indent=2) + "\n"
    atomic_write.write(out / f"{result.benchmark}.json", text)
    _render(out)
    for measure in result.measures:
        aim = f"   (aim: {measure.wanted})" if measure.wanted else ""
        _say(f"  {measure.title}: {shown(measure.median, measure.unit)}{aim}")
    for line in missed(result.measures):
        _say(line)
    _say(f"Written to {out}.")


def _say(text: str) -> None:
    print(text, flush=True)
