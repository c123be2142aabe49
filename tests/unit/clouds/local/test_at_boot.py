"""The unit that brings a stack back at a boot: root runs nothing that others could replace."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from components.clouds.local.hosts import at_boot, units
from components.clouds.local.hosts import machine as local_machine

SAFE = Path("/usr/lib")


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that systemd runs, whose checkout, Python and root folder are the system's."""
    monkeypatch.setattr(units, "systemd_runs", lambda: True)
    monkeypatch.setattr(units, "FOLDER", tmp_path)
    monkeypatch.setattr(local_machine, "run", lambda *_, **__: "")
    monkeypatch.setattr(at_boot, "CHECKOUT", SAFE)
    monkeypatch.setattr(sys, "executable", str(SAFE / "python"))
    monkeypatch.setenv("STAGES_LOCAL_ROOT", str(SAFE / "root"))


def installed(folder: Path) -> list[Path]:
    return list(folder.glob("stages-stack-*.service"))


@pytest.mark.parametrize("what", ["checkout", "python", "root"])
def test_not_from_where_every_user_writes(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert at_boot.enable("web") == ""
    assert len(installed(tmp_path)) == 1

    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o1777)
    inside = open_to_all / "stages" / what
    if what == "checkout":
        monkeypatch.setattr(at_boot, "CHECKOUT", inside)
    elif what == "python":
        monkeypatch.setattr(sys, "executable", str(inside))
    else:
        monkeypatch.setenv("STAGES_LOCAL_ROOT", str(inside))
        monkeypatch.setattr(at_boot, "_unit", lambda _: installed(tmp_path)[0].name)
    said = at_boot.enable("web")
    assert said == (
        "web is not brought back at a boot of the machine: every user may write to"
        f" {open_to_all}, where it would be run from"
    )
    assert installed(tmp_path) == []
