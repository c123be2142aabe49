"""A copy that was interrupted before the two databases knew of it."""

from __future__ import annotations

import json

import pytest

from components.host.agent import promotion_copy
from components.host.agent.report import Failed


@pytest.mark.parametrize("slot", ["", json.dumps({"bytes": 0, "kept": "reserved"})])
def test_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, slot: str) -> None:
    """Without its slot no role may be there either: the new database is not asked."""

    def new(*_: object) -> str:
        assert slot, "its role may not be there"
        return json.dumps({"tables": 0, "ready": 0})

    monkeypatch.setattr(promotion_copy, "old_superuser", lambda _: slot)
    monkeypatch.setattr(promotion_copy, "new", new)
    with pytest.raises(Failed) as refused:
        promotion_copy.progress({"link": {}})
    assert str(refused.value) == "the copy: was interrupted before its first row"
    assert refused.value.remedy == "Run --copy again, or --abort."
