"""What the program on the host says when the host itself cannot go on."""

from __future__ import annotations

import json

import pytest

from components.host.agent import main as program
from components.host.agent.report import step


def test_a_full_disk_is_told_with_its_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: object) -> None:
        step("release")
        raise OSError(28, "No space left on device", "/srv/app/releases/x")

    monkeypatch.setitem(program.AT_ONCE, "observe", full)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("os.umask", lambda _: None)
    assert program.main({"mode": "observe"}) == 1
    error = json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    assert (error["where"], error["cause"]) == (
        "release: /srv/app/releases/x",
        "No space left on device",
    )
    assert error["remedy"] == "Look at the host's disk and memory; it is safe to run this again."
