"""Programs of the machine that are missing or hang are told in one line, never as a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.clouds.local.hosts import machine
from components.clouds.local.hosts.machine import patience  # itself: the tests' machine is as usual
from components.errors import UserError


@pytest.mark.parametrize("check", [True, False])
def test_a_program_that_is_not_there(check: bool) -> None:
    with pytest.raises(UserError) as error:
        machine.run(["no-such-program", "x"], check=check)
    assert str(error.value) == (
        "The local cloud needs no-such-program, which is not on this machine. "
        "components/clouds/local/machine-packages.txt names its package."
    )
    assert error.value.exit_code == 2


def test_a_program_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "COMMAND_TIMEOUT_S", 0.1)
    with pytest.raises(UserError) as error:
        machine.run(["sleep", "60"])
    assert str(error.value) == "sleep 60 failed: no end after 0.1 s"
    assert error.value.exit_code == 1


def test_a_program_that_fails() -> None:
    with pytest.raises(UserError) as error:
        machine.run(["sh", "-c", "echo first; echo why not >&2; exit 3"])
    assert str(error.value).endswith("failed (3): why not")


def test_waits_are_as_long_as_the_first_boot_here_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STAGES_LOCAL_ROOT", str(tmp_path))
    assert patience() == machine.UNKNOWN_PATIENCE, "nothing is known before the first host"
    machine.measured(machine.USUAL_BOOT_S / 2)
    assert patience() == 1, "a fast machine is not hurried"
    machine.measured(90)  # in an emulated machine
    assert patience() * 60 > 20 * 60, "60 s were too few there"
    machine.measured(100_000)
    assert patience() == machine.MOST_PATIENCE


def test_a_wait_in_vain_names_the_time_and_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "patience", lambda: 2.0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (14.25, 1.0, 1.0))
    with pytest.raises(UserError) as error:
        machine.wait_until("the host should start", 0.1, lambda: None)
    assert str(error.value) == (
        "the host should start: not within 0.2 s; this machine is busy: load 14.2 on 2 processors"
    )
