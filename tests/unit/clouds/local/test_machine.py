"""Programs of the machine that are missing or hang are told in one line, never as a traceback."""

from __future__ import annotations

import pytest

from components.clouds.local import machine
from components.errors import UserError


@pytest.mark.parametrize("check", [True, False])
def test_a_program_that_is_not_there(check: bool) -> None:
    with pytest.raises(UserError) as error:
        machine.run(["no-such-program", "x"], check=check)
    assert str(error.value) == (
        "The local cloud needs no-such-program, which is not on this machine. "
        "`make up` of a local stack names its package"
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
