"""How a host is, as far as files say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.host.agent import health


def test_a_containers_window_to_its_machine_is_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = f"overlay {tmp_path} overlay rw,relatime 0 0\n"
    assert [disk["where"] for disk in health._disks(mounts)] == [str(tmp_path)]
    monkeypatch.setattr(health, "NOT_OURS", f"{tmp_path.parent}/")
    assert health._disks(mounts) == []
