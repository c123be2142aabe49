"""What the unit tests share: a machine that is idle and as fast as usual, so that texts compare."""

from __future__ import annotations

import os

import pytest

from components.clouds.local.hosts import machine


@pytest.fixture(autouse=True)
def usual_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setattr(machine, "patience", lambda: 1.0)
