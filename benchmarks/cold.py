"""How long the first ``make up`` on a machine takes, from a fresh clone to the first answer.

Cold means: no Python packages, no Pulumi CLI, no host image, and empty caches of pip and Go. Debian
packages that the machine itself needs (``packages.txt`` of the local cloud) are there.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from unittest.mock import patch

from benchmarks.charts import Picture, Step, timeline
from benchmarks.measures import Book, Measure, Result
from benchmarks.stages import answering
from components.errors import StepFailed
from tests.support.clone import clone

NETWORK = "10.95.3"
ENDS = {
    "Python packages": re.compile(r"Python packages: installed in "),
    "Pulumi CLI": re.compile(r"Pulumi CLI \S+: (built|downloaded) in "),
    "host image": re.compile(r"Host image: built, "),
}
"""By what is made first, in its order: the line that tells its end."""


def measure(say: Callable[[str], None]) -> tuple[Measure, ...]:
    """Measure stage 1, once; needs root and Linux, and takes some ten minutes."""
    book = Book()
    with tempfile.TemporaryDirectory(prefix="stages-bench-") as scratch:
        folders = {"STAGES_LOCAL_ROOT": "hosts", "XDG_CACHE_HOME": "cache", "GOPATH": "go"}
        own = clone(Path(scratch) / "own", packages=False)
        stack = own.stack(f"bench{os.getpid()}-cold", stage=1, network__cidr=f"{NETWORK}.0/24")
        with patch.dict(os.environ, {key: f"{scratch}/{name}" for key, name in folders.items()}):
            say("cold: from nothing to the first answer, some ten minutes")
            try:
                with answering(f"{NETWORK}.10") as first:
                    lines = stack.make("up")
            finally:
                say(f"cold: taking {stack.name} away")
                stack.take_away()
    began = 0.0
    for name, ended in ended_at(lines).items():
        book.note(f"cold.part.{name}", f"cold `make up`: {name}", ended - began)
        began = ended
    book.note("cold.part.stack", "cold `make up`: stage 1, to the first 200", first[0] - began)
    book.note("cold.first", "cold `make up` to the first 200", first[0])
    return book.measures()


def ended_at(lines: Sequence[tuple[float, str]]) -> dict[str, float]:
    """When each part was there, in seconds since the start.

    Raises ``UserError`` for a run that did not make one of them: it was not cold.
    """
    ends = {}
    for name, pattern in ENDS.items():
        at = [at_s for at_s, line in lines if pattern.match(line)]
        if not at:
            raise StepFailed(f"make up: should have made the {name}, had it already")
        ends[name] = at[-1]
    return ends


def draw(result: Result) -> Mapping[str, Picture]:
    """A bar for each part, one after the other."""
    steps, began = list[Step](), 0.0
    for measure in result.measures:
        if measure.key.startswith("cold.part."):
            steps.append(Step(measure.title.partition(": ")[2], began, measure.median))
            began += measure.median
    steps.append(Step("fresh clone to the first 200", 0, result.of("cold.first").median))
    return {"cold": timeline("Stage 1: cold `make up`, by part", steps, result.where)}
