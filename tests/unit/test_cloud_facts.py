"""What the clouds do by default, numbered 1 to 41: each has a test that carries its number."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
FACTS = set(range(1, 42))
ELSEWHERE = {
    9: "what the vendor's CI action does not do is done by the workflows, which have tests of"
    " their own",
    41: "what the real provider of DigitalOcean reads: it is not run here",
}


def test_each_fact_has_a_test_with_its_number_or_a_reason() -> None:
    text = "".join(file.read_text() for file in TESTS.rglob("test_*.py"))
    numbered = {int(number) for number in re.findall(r"^def test_fact_(\d+)_", text, re.MULTILINE)}
    assert numbered <= FACTS
    assert FACTS - numbered == set(ELSEWHERE)
