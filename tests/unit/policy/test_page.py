"""The page on the rules is the one that the rules make."""

from __future__ import annotations

from pathlib import Path

import policy
from planning.policies.page import render

PAGE = Path(policy.__file__).with_name("README.md")


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == render(), "python -m planning.policies.page > policy/README.md"
