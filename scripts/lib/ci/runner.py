"""What a job is told by its environment, and what it hands to other jobs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from components.errors import UserError, invalid

STACKS: Final = "STAGES_STACKS"
"""The stacks that the workflows bring up, separated by spaces or commas; the others are only
planned offline."""
STACK: Final = "STACK"
TEMP: Final = "RUNNER_TEMP"
OUTPUT: Final = "GITHUB_OUTPUT"
RUN: Final = "GITHUB_RUN_ID"


def chosen(environment: Mapping[str, str]) -> list[str]:
    """The stacks that the workflows bring up, in the order in which they are named."""
    return list(dict.fromkeys(re.findall(r"[^\s,]+", environment.get(STACKS, ""))))


def existing(environment: Mapping[str, str], known: list[str]) -> list[str]:
    """The same; raises ``UserError`` for one that has no settings."""
    for name in chosen(environment):
        if name not in known:
            raise invalid(STACKS, f"some of {', '.join(known)}", name)
    return chosen(environment)


def stack(environment: Mapping[str, str]) -> str:
    """The stack of this job."""
    return _given(environment, STACK, "the stack of this job")


def folder(environment: Mapping[str, str]) -> Path:
    """The folder of this job's own files; what is in it is gone with the job."""
    made = (
        Path(_given(environment, TEMP, "a folder for files that only this job needs")) / "preview"
    )
    made.mkdir(parents=True, exist_ok=True)
    return made


def hand_on(environment: Mapping[str, str], name: str, value: object) -> None:
    """Set an output of this step, as one line of JSON."""
    file = Path(_given(environment, OUTPUT, "the file that a step's outputs go to"))
    with file.open("a") as opened:
        opened.write(f"{name}={json.dumps(value)}\n")


def _given(environment: Mapping[str, str], name: str, meaning: str) -> str:
    if not environment.get(name):
        raise UserError(f"{name}: should be {meaning}, got nothing", "A runner sets it.")
    return environment[name]


def run(environment: Mapping[str, str]) -> int:
    """The number of the run that this job belongs to."""
    number = _given(environment, RUN, "the number of this run")
    if not number.isdecimal():
        raise invalid(RUN, "the number of this run", number)
    return int(number)
