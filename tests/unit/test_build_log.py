"""Where the operator finds what a build on a host printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.remote import build_log


def test_its_path_is_told_as_seen_from_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "checkout" / ".stages" / "logs"
    monkeypatch.setattr(build_log, "FOLDER", folder)
    log = build_log.HostLog("10.0.0.1")
    assert log.shown == ""
    log.write("first line")
    assert (tmp_path / "checkout" / log.shown).read_text() == "first line\n"
    assert log.shown.startswith(".stages/logs/host-10.0.0.1-")
