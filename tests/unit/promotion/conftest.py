"""A server of a promotion, as far as it is files."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.host.agent import promotion_compare, promotion_record, promotion_state


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it has its record; there is none yet."""
    for name in ("FILE", "COMPARED", "COPIED_FILES"):
        monkeypatch.setattr(promotion_record, name, tmp_path / name.lower())
    for module in (promotion_compare, promotion_state):
        monkeypatch.setattr(module, "COMPARING", tmp_path / "comparing")
    return promotion_record.FILE
