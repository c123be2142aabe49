"""How a host's own boot stretches its limits, and what a time-out says."""

from __future__ import annotations

import os

import pytest

from components.host.agent import pace, report

SHOWN = "UnitsLoadFinishTimestampMonotonic={}\nGeneratorsStartTimestampMonotonic=3353610030\n"


@pytest.mark.parametrize(
    ("shown", "factor"),
    [
        (SHOWN.format(3353610030 + 100_000), 1.0),  # faster than usual is no reason to wait less
        (SHOWN.format(3353610030 + 3_000_000), 10.0),
        (SHOWN.format(3353610030 + 900_000_000), pace.MOST),
        (SHOWN.format(0), 1.0),
        ("", 1.0),
        ("System has not been booted with systemd as init system\n", 1.0),
    ],
)
def test_a_host_that_boots_slowly_is_given_more_time(shown: str, factor: float) -> None:
    assert pace.factor(shown) == factor


def test_a_time_out_on_a_busy_host_names_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "patience", lambda: 2.0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (14.25, 1.0, 1.0))
    done = report.run(["sleep", "60"], timeout_s=0.1)
    assert done.output == "\nstopped after 0.2 s; this host is busy: load 14.2 on 2 processors"
    monkeypatch.setattr(os, "getloadavg", lambda: (3.0, 20.0, 20.0))
    assert report.run(["sleep", "60"], timeout_s=0.1).output == "\nstopped after 0.2 s"
