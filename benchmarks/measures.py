"""What was measured, on which machine, and against which aim: decisions without I/O."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.errors import StepFailed


@dataclass(frozen=True)
class Measure:
    """One thing that was measured, once in each run."""

    key: str
    title: str
    unit: str
    """``s``, ``ms``, ``MiB``, ``times``, or what is counted: ``a second``, ``clients``."""
    values: tuple[float, ...]
    aim: float | None = None
    """The most that the median should be. A missed aim is told, never an error."""
    at_least: bool = False
    """The aim is the least that the median should be."""

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
        if self.aim is None:
            return None
        return self.median >= self.aim if self.at_least else self.median <= self.aim

    @property
    def wanted(self) -> str:
        """The aim in words; empty where there is none."""
        if self.aim is None:
            return ""
        return f"at {'least' if self.at_least else 'most'} {shown(self.aim, self.unit)}"


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

    @property
    def where(self) -> str:
        """When and on which machine, in one sentence."""
        machine = self.machine
        return (
            f"{self.date}, commit {self.commit}, {self.runs} run{'s' * (self.runs != 1)}: "
            f"{machine.cores} cores ({machine.processor}), {machine.memory_gib:g} GiB, "
            f"{machine.kernel}, load {machine.load_at_start:g} at the start."
        )

    def of(self, key: str) -> Measure:
        """The measure with this key; raises ``UserError`` in a result that is older than it."""
        for measure in self.measures:
            if measure.key == key:
                return measure
        raise StepFailed(
            f"{self.benchmark}.json: should have {key}, got a result without it",
            f"`make bench BENCH={self.benchmark}` measures again.",
        )

    def document(self) -> dict[str, Any]:
        """For a JSON file, with the medians beside the values."""
        document = dataclasses.asdict(self)
        document["measures"] = [
            {**dataclasses.asdict(measure), "median": round(measure.median, 3), "met": measure.met}
            for measure in self.measures
        ]
        return document


def of_document(document: Mapping[str, Any]) -> Result:
    """Read what ``document`` made, with or without more beside it."""

    def known(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
        names = {field.name for field in dataclasses.fields(kind)}
        return {name: value for name, value in values.items() if name in names}

    measures = (
        Measure(**{**known(Measure, values), "values": tuple(values["values"])})
        for values in document["measures"]
    )
    machine = Machine(**document["machine"])
    return Result(**{**known(Result, document), "machine": machine, "measures": tuple(measures)})


@dataclass
class Book:
    """Collects values by key, in the order in which the keys first came."""

    _kept: dict[str, tuple[str, str, float | None, bool]] = field(default_factory=dict)
    _values: dict[str, list[float]] = field(default_factory=dict)

    def note(
        self,
        key: str,
        title: str,
        value: float,
        unit: str = "s",
        aim: float | None = None,
        *,
        at_least: bool = False,
    ) -> None:
        """Take one value in."""
        self._kept.setdefault(key, (title, unit, aim, at_least))
        self._values.setdefault(key, []).append(round(value, 3))

    def measures(self) -> tuple[Measure, ...]:
        """Everything so far."""
        return tuple(
            Measure(key, title, unit, tuple(self._values[key]), aim, at_least)
            for key, (title, unit, aim, at_least) in self._kept.items()
        )


def ratio(measured: float, base: float) -> float:
    """How many times the base it is; raises ``UserError`` where the base is none."""
    if base <= 0:
        raise StepFailed(
            f"A time to compare with: should be above 0 s, got {base:.3f} s",
            "Run it again when the machine is quiet.",
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
        f"missed: {measure.title}: {shown(measure.median, measure.unit)},"
        f" the aim is {measure.wanted}"
        for measure in measures
        if measure.met is False
    ]


def shown(value: float, unit: str) -> str:
    """Write ``0.213 s``, ``12.3 s``, ``1.27 times``, ``412 MiB``, ``4,552 a second``."""
    if unit == "times":
        return f"{value:.2f} times" if value < 100 else f"{value:,.0f} times"
    if unit == "s":
        digits = 3 if value < 1 else 2 if value < 10 else 1
    elif unit == "ms":
        digits = 2 if value < 10 else 1 if value < 100 else 0
    elif unit == "MiB":
        digits = 1 if value < 10 else 0
    else:
        digits = 0
    return f"{value:,.{digits}f} {unit}"
