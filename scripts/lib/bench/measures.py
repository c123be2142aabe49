"""What was measured, on which machine, and against which aim: decisions without I/O."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.errors import UserError


@dataclass(frozen=True)
class Measure:
    """One thing that was measured, once in each run."""

    key: str
    title: str
    unit: str
    """``s``, ``MiB`` or ``times``."""
    values: tuple[float, ...]
    aim: float | None = None
    """The most that the median should be. A missed aim is told, never an error."""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the most of all runs."""
        return min(self.values), max(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; ``None`` where there is none."""
        return None if self.aim is None else self.median <= self.aim


@dataclass(frozen=True)
class Machine:
    """Where it was measured."""

    cores: int
    processor: str
    memory_gib: float
    kernel: str
    load_at_start: float
    """The load average of the minute before the first run: above 0.5 a core, read with care."""


@dataclass(frozen=True)
class Result:
    """One benchmark: everything in it was measured in one go, paired."""

    benchmark: str
    date: str
    commit: str
    """The commit that was measured, with ``-dirty`` where the checkout had changes of its own."""
    runs: int
    machine: Machine
    measures: tuple[Measure, ...]

    def document(self) -> dict[str, Any]:
        """For a JSON file, with the medians beside the values."""
        document = dataclasses.asdict(self)
        document["measures"] = [
            {**dataclasses.asdict(one), "median": round(one.median, 3), "met": one.met}
            for one in self.measures
        ]
        return document


def of_document(document: Mapping[str, Any]) -> Result:
    """Read what ``document`` made."""
    names = [one.name for one in dataclasses.fields(Measure)]
    measures = (
        Measure(**{**{name: one[name] for name in names}, "values": tuple(one["values"])})
        for one in document["measures"]
    )
    return Result(
        **{
            **document,
            "machine": Machine(**document["machine"]),
            "measures": tuple(measures),
        }
    )


@dataclass
class Book:
    """Collects values by key, in the order in which the keys first came."""

    _kept: dict[str, tuple[str, str, float | None]] = field(default_factory=dict)
    _values: dict[str, list[float]] = field(default_factory=dict)

    def note(
        self, key: str, title: str, value: float, unit: str = "s", aim: float | None = None
    ) -> None:
        """Take one value in."""
        self._kept.setdefault(key, (title, unit, aim))
        self._values.setdefault(key, []).append(round(value, 3))

    def measures(self) -> tuple[Measure, ...]:
        """Everything so far."""
        return tuple(
            Measure(key, title, unit, tuple(self._values[key]), aim)
            for key, (title, unit, aim) in self._kept.items()
        )


def ratio(measured: float, base: float) -> float:
    """How many times the base it is; raises ``UserError`` where the base is none."""
    if base <= 0:
        raise UserError(
            f"A time to compare with: should be above 0 s, got {base:.3f} s",
            "Run it again when the machine is quiet.",
            exit_code=1,
        )
    return measured / base


def growth(one_s: float, hundred_s: float, two_hundred_s: float) -> float:
    """What 200 files take beyond the first, in times of what 100 take beyond it.

    About 2 (199/99) where each file costs the same, 4 where it costs as much as all before it.
    """
    return ratio(two_hundred_s - one_s, hundred_s - one_s)


def missed(measures: Sequence[Measure]) -> list[str]:
    """A sentence for each aim that was not met."""
    return [
        f"missed: {one.title}: {shown(one.median, one.unit)}, the aim is at most "
        f"{shown(one.aim, one.unit)}"
        for one in measures
        if one.aim is not None and not one.met
    ]


def shown(value: float, unit: str) -> str:
    """Write ``0.213 s``, ``12.3 s``, ``1.27 times``, ``412 MiB``."""
    if unit == "MiB":
        return f"{value:.0f} MiB"
    digits = 2 if unit == "times" else 3 if value < 1 else 2 if value < 10 else 1
    return f"{value:.{digits}f} {unit}"
