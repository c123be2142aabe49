"""docs/costs-compared.md: our side is the run's, the other side computes to what it says."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from decimal import Decimal

import pytest

from planning.costs import price_books
from planning.costs.estimate import Estimate, cents, estimate, money
from scripts.lib import cost_inputs

PAGE = (cost_inputs.ROOT / "docs" / "costs-compared.md").read_text()
TODAY = datetime.date(2026, 11, 29)


@dataclass(frozen=True)
class Section:
    title: str
    text: str

    def words(self, what: str) -> dict[str, str]:
        """The settings or the usage that stand after a word."""
        match = re.search(rf"{what}: ((?:`[^`]+` ?)+)", self.text)
        pairs = re.findall(r"`([^`=]+)=([^`]+)`", match[1]) if match else []
        return dict(pairs)

    def rows(self) -> list[list[str]]:
        lines = [line for line in self.text.splitlines() if line.startswith("| ")][1:]
        return [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines]

    def run(self) -> Estimate:
        match = re.search(r"Stack: `([^`]+)`", self.text)
        assert match
        values = {**cost_inputs.stack_values(match[1]), **self.words("Settings")}
        usage: dict[tuple[str, ...], Decimal] = {
            (key,): Decimal(value) for key, value in self.words("Usage").items()
        }
        plan = cost_inputs.of_values(match[1], values)
        return estimate(plan, price_books.all_clouds(TODAY), usage)


SECTIONS = [Section(part.split("\n")[0], part) for part in PAGE.split("\n## ")[1:]]


def test_there_are_six() -> None:
    assert len(SECTIONS) == 6


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_our_side_is_the_run(section: Section) -> None:
    estimate = section.run()
    *lines, total = section.rows()
    assert not estimate.unpriced
    assert [row[:2] for row in lines] == [
        [line.name, money(line.usd_per_month)]
        for line in estimate.lines
        if line.usd_per_month is not None
    ]
    assert total[:2] == ["Total", money(estimate.total)]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_the_other_side_computes_to_what_it_says(section: Section) -> None:
    *lines, total = section.rows()
    for name, ours, sum_, usd, difference, rule in lines:
        quantity, price = re.findall(r"[0-9.]+", sum_)
        assert cents(Decimal(quantity) * Decimal(price)) == Decimal(usd), name
        assert Decimal(difference) == Decimal(ours) - Decimal(usd), name
        assert rule
    assert Decimal(total[3]) == sum(Decimal(row[3]) for row in lines)
    assert Decimal(total[4]) == Decimal(total[1]) - Decimal(total[3])
