"""A number, its limit, and what both mean together. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a number means, from the least to the worst."""

    unknown = "not known"
    stay = "stay"
    near = "near"
    move_on = "move on"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What decides about a number."""

    near: float
    limit: float
    why: str
    """Where the limit comes from."""

    def verdict(self, number: float | None) -> Verdict:
        if number is None:
            return Verdict.unknown
        if number > self.limit:
            return Verdict.move_on
        return Verdict.near if number > self.near else Verdict.stay


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One number and what it means."""

    name: str
    number: float | None
    unit: str
    limit: Limit | None
    """``None``: nobody said what is too much."""
    source: str
    """File, view or command on the host."""
    detail: str
    """One sentence more about it, without its full stop."""

    @property
    def verdict(self) -> Verdict:
        return self.limit.verdict(self.number) if self.limit else Verdict.unknown


@dataclass(frozen=True, kw_only=True)
class Sign:
    """One of the five; the worst of its measures decides."""

    key: str
    title: str
    measures: tuple[Measure, ...]

    @property
    def verdict(self) -> Verdict:
        order = list(Verdict)
        return max((measure.verdict for measure in self.measures), key=order.index)


def judge(signs: Sequence[Sign]) -> Verdict:
    """Stay or move on, for the whole stack."""
    moved = any(sign.verdict is Verdict.move_on for sign in signs)
    return Verdict.move_on if moved else Verdict.stay
