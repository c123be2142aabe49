"""What is decided about each rule of a scanner: the tables "Security rules" in the clouds' READMEs.

A row is ``| topic | ids | verdict | how, or why not |``. An id is a check's, alone or with the
resources that it is about: ``CKV_AWS_293 (replica)`` is decided for those with that in their name.
Verdicts: ``kept``; ``setting``, kept once the setting that it names is on; ``waived``;
``not applicable``, for what no stack has.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

CLOUDS: Final = Path(__file__).resolve().parents[3] / "components" / "clouds"
HEADING: Final = "\n## Security rules\n"
COLUMNS: Final = "| topic | ids | verdict |"
VERDICTS: Final = ("kept", "setting", "waived", "not applicable")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One rule."""

    cloud: str
    topic: str
    rule: str
    """As its owner writes it: ``CKV_AWS_293``, ``EC2.8``, ``CIS 6.7``, ``AWS-0028``."""
    only: str
    """Part of the name of the resources that it is about; empty for all."""
    verdict: str
    reason: str

    @property
    def id(self) -> str:
        """As it stands in the table."""
        return f"{self.rule} ({self.only})" if self.only else self.rule


def decisions() -> list[Decision]:
    """Every decided rule of every cloud."""
    return [
        decision
        for readme in sorted(CLOUDS.glob("*/README.md"))
        for decision in read_readme(readme.read_text(), readme.parent.name)
    ]


def read_readme(text: str, cloud: str) -> list[Decision]:
    """The rows of one README; none where it has no such table."""
    section = text.partition(HEADING)[2].partition("\n## ")[0]
    decisions = []
    for line in section.splitlines():
        if not line.startswith("| ") or line.startswith(COLUMNS):
            continue
        topic, ids, verdict, reason = (cell.strip() for cell in line.strip("|").split("|"))
        for rule_text in ids.split(","):
            rule, _, only = rule_text.strip().removesuffix(")").partition(" (")
            decisions.append(
                Decision(
                    cloud=cloud,
                    topic=topic,
                    rule=rule,
                    only=only,
                    verdict=verdict,
                    reason=reason,
                )
            )
    return decisions


def decided(check: str, resource: str, among: list[Decision]) -> Decision | None:
    """The decision about a check of a resource: the one that names the resource comes first."""
    fitting = [
        decision for decision in among if decision.rule == check and decision.only in resource
    ]
    return max(fitting, key=lambda decision: len(decision.only), default=None)
