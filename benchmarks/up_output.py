"""Reads what ``make up`` prints, line by line with the time: decisions without I/O.

The steps come from the engine's events; the display writes each with its seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from components.errors import StepFailed

PLANNING, CHANGING = "Planning ", "Bringing up "
ENDED = re.compile(r"^  \S (?:created|changed|replaced) (\S+) \((\w+)\) ([\d.]+) s$")


@dataclass
class Phases:
    """Where the seconds of one ``make up`` went."""

    before_s: float = 0.0
    """Until the plan begins: the bootstrap, settings, checks of the machine, the stack's state."""
    plan_s: float = 0.0
    change_s: float = 0.0
    """From the plan to the end, the first request of the command itself included."""
    steps: dict[str, float] = field(default_factory=dict)
    """Seconds by resource: ``app (Server)``. Steps overlap, so they do not add up."""
    began: dict[str, float] = field(default_factory=dict)
    """When each of them began, in seconds since the start."""


def phases(stack: str, lines: Iterable[tuple[float, str]], whole_s: float) -> Phases:
    """Read lines that came so many seconds after the start; ``whole_s`` is when it ended.

    Raises ``UserError`` for a run that made nothing: there is no ``up`` to measure.
    """
    parts, planning, changing = Phases(), None, None
    for at_s, line in lines:
        if line.startswith(PLANNING) and planning is None:
            planning = at_s
        elif line.startswith(CHANGING):
            changing = at_s
        elif ended := ENDED.match(line):
            name = ended[1].removeprefix(stack).lstrip("-") or "stack"
            step, seconds = f"{name} ({ended[2]})", float(ended[3])
            parts.steps[step] = seconds
            parts.began[step] = at_s - seconds
    if planning is None or changing is None:
        raise StepFailed("make up: should have planned and made a stack, got neither")
    parts.before_s = planning
    parts.plan_s = changing - planning
    parts.change_s = whole_s - changing
    return parts
