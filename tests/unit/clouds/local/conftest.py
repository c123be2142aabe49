"""A root folder for stacks that is the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STAGES_LOCAL_ROOT", str(tmp_path / "root"))
    return tmp_path / "root"
