"""What docs/costs.md shows of ``./stages cost`` is what it prints.

``pytest tests/golden/test_cost_transcripts.py --update-golden``, then read ``git diff``.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from components.program import PROJECT
from scripts.main import main

PAGE = PROJECT / "docs" / "costs.md"
BLOCK = re.compile(r"^```\n(\$ \./stages .*?)\n```$", re.MULTILINE | re.DOTALL)
AGE = re.compile(r" \(\d+ days ago\)")
"""What differs every day."""


def ran(block: str, capsys: pytest.CaptureFixture[str]) -> str:
    """A block with what its commands print now."""
    lines = []
    for command in re.findall(r"^\$ \./stages (.*)$", block, re.MULTILINE):
        main(shlex.split(command))
        said = AGE.sub("", capsys.readouterr().out)
        lines += [f"$ ./stages {command}", *(line.rstrip() for line in said.splitlines())]
    return "\n".join(lines).rstrip()


def test_the_transcripts_are_what_the_commands_print(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
) -> None:
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text()
    now = BLOCK.sub(lambda block: f"```\n{ran(block[1], capsys)}\n```", page)
    if pytestconfig.getoption("--update-golden"):
        PAGE.write_text(now)
        return
    assert BLOCK.search(page)
    # A longer age, which is cut out above, breaks a sentence elsewhere.
    assert now.split() == page.split(), "see this file's first lines"
