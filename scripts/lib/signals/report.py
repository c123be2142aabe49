"""The signs in words and as JSON."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.lib import backup_state
from scripts.lib.signals.evidence import Evidence
from scripts.lib.signals.next_stage import Cost
from scripts.lib.signals.verdicts import Measure, Sign, Verdict, judge


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that the command says."""

    stack: str
    evidence: Evidence
    signs: tuple[Sign, ...]
    cost: Cost

    @property
    def verdict(self) -> Verdict:
        return judge(self.signs)

    def as_json(self) -> dict[str, Any]:
        """The document of ``--json``."""
        return {
            "stack": self.stack,
            "stage": 1,
            "since": moment(self.evidence.since),
            "until": moment(self.evidence.until),
            "samples": len(self.evidence.samples),
            "verdict": self.verdict,
            "signs": [
                {
                    "key": sign.key,
                    "title": sign.title,
                    "verdict": sign.verdict,
                    "measures": [_measure(measure) for measure in sign.measures],
                }
                for sign in self.signs
            ],
            "cost": self.cost.as_json(),
            "backups": proof_of(self.evidence.backups),
        }

    def lines(self) -> list[str]:
        """A table, where its numbers come from, and the verdict."""
        measures = [(sign, measure) for sign in self.signs for measure in sign.measures]
        rows = [("sign", "measured", "near", "too much", "")]
        rows += [(name_of(sign, measure), *_cells(measure)) for sign, measure in measures]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        table = [
            "  ".join(
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=False))
            )
            + (f"  {row[4]}" if row[4] else "")
            for row in rows
        ]
        details = []
        for sign, measure in measures:
            details += [
                f"{name_of(sign, measure)}: {measure.detail}.",
                f"    from {measure.source}",
            ]
        count = len(self.evidence.samples)
        return [
            f"{self.stack}, stage 1: {moment(self.evidence.since)} to"
            f" {moment(self.evidence.until)}, {count} sample{'' if count == 1 else 's'}",
            *([NO_SAMPLES.format(stack=self.stack)] if not count else []),
            "",
            *table,
            "",
            *details,
            "",
            self.conclusion(),
            self.cost.line(),
            *backup_state.state(self.evidence.backups),
        ]

    def conclusion(self) -> str:
        """The verdict in one sentence, with its reasons."""
        here = [sign.title for sign in self.signs if sign.verdict is Verdict.move_on]
        unknown = [sign.title for sign in self.signs if sign.verdict is Verdict.unknown]
        open_ = f" Not known: {_listed(unknown)}." if unknown else ""
        if here:
            return f"MOVE ON to stage 2, {len(here)} of 5 signs: {_listed(here)}.{open_}"
        near = [sign.title for sign in self.signs if sign.verdict is Verdict.near]
        soon = f" Near: {_listed(near)}." if near else ""
        sure = " as far as is known" if unknown else ""
        return f"STAY on stage 1{sure}.{soon}{open_}"


NO_SAMPLES = (
    "The host took no sample in this time. It takes one a minute: ask again later if it has just"
    " come up. One from before there were samples takes them after the next `make up"
    " STACK={stack}`."
)


def moment(at: float) -> str:
    """``2026-11-22 23:30 UTC``."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def name_of(sign: Sign, measure: Measure) -> str:
    """The sign; with its measure, where there are several."""
    return f"{sign.title}: {measure.name}" if len(sign.measures) > 1 else sign.title


def _cells(measure: Measure) -> tuple[str, str, str, str]:
    measured = "-" if measure.number is None else f"{number(measure.number)} {measure.unit}"
    if measure.limit is None:
        return measured, "-", "-", _mark(measure.verdict)
    limits = (
        f"> {number(measure.limit.near)} {measure.unit}",
        f"> {number(measure.limit.limit)} {measure.unit}",
    )
    return measured, *limits, _mark(measure.verdict)


def _mark(verdict: Verdict) -> str:
    return verdict.upper() if verdict is Verdict.move_on else verdict


def number(value: float) -> str:
    """At most one decimal, none above 100: ``3.2``, ``120``, ``0``."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}".removesuffix(".0")


def _listed(titles: list[str]) -> str:
    return ", ".join(
        title[0].lower() + title[1:] if title != "CPU and memory" else title for title in titles
    )


def _measure(measure: Measure) -> dict[str, Any]:
    return {
        "name": measure.name,
        "number": None if measure.number is None else round(measure.number, 3),
        "unit": measure.unit,
        "near": measure.limit.near if measure.limit else None,
        "limit": measure.limit.limit if measure.limit else None,
        "why": measure.limit.why if measure.limit else None,
        "source": measure.source,
        "detail": measure.detail,
        "verdict": measure.verdict,
    }


def proof_of(backups: Mapping[str, Any]) -> dict[str, str | None]:
    """When the last good backup was made, and when one was last proven by a restore."""
    proofs: dict[str, str | None] = {}
    for name, what in (("last_good", "backup"), ("last_proven", "verify")):
        good = (backups.get(what) or {}).get("last_good")
        proofs[name] = moment(good["at"]) if good else None
    return proofs
