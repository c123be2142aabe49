"""What engine and clouds do by default (``docs/facts``): each fact has a test with its number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FACTS = TESTS.parent / "docs" / "facts"
PAGES = {
    page.stem: {int(number) for number in re.findall(r"^- \*\*(\d+)\.\*\*", page.read_text(), re.M)}
    for page in FACTS.glob("*.md")
}
ELSEWHERE = {
    9: "what the vendor's CI action does not do is done by the workflows, which have tests of"
    " their own",
    41: "what the real provider of DigitalOcean reads: it is not run here",
    45: "each part has a test of its own: tests/engine, tests/unit/clouds/digitalocean",
    47: "each part has a test of its own: tests/unit/clouds/aws",
    48: "Terraform's provider is not run here",
}


def test_each_fact_has_a_test_with_its_number_or_a_reason() -> None:
    text = "".join(file.read_text() for file in TESTS.rglob("test_*.py"))
    numbered = {int(number) for number in re.findall(r"^def test_fact_(\d+)_", text, re.MULTILINE)}
    assert numbered | set(ELSEWHERE) >= PAGES["pulumi"] | PAGES["aws"] | PAGES["digitalocean"]
    assert numbered <= {number for page in PAGES.values() for number in page}
    assert not numbered & set(ELSEWHERE)


@pytest.mark.parametrize("folder", ["components", "planning", "scripts", "benchmarks", "tests"])
def test_what_a_comment_names_is_in_the_repository(folder: str) -> None:
    for file in (TESTS.parent / folder).rglob("*.py"):
        text = file.read_text()
        for name, number in re.findall(r"docs/facts/(\w+)\.md (\d+)", text):
            assert int(number) in PAGES[name], f"{file}: docs/facts/{name}.md has no fact {number}"
        if file != Path(__file__):
            assert not re.search(r"\b[A-Z]+_FACTS\b|DESIGN\.md|PRICES\.md", text), file
