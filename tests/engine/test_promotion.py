"""What a promotion states in a settings file, written by the real CLI."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from components import settings
from components.settings import stacks
from scripts.lib import promotion_settings
from scripts.lib.promotion_settings import PROMOTED_TO, SUBSCRIBES, TUNNEL_FROM, Stated
from scripts.lib.session import Session
from tests.engine.stack import Attached, EngineStack

STATED: dict[str, Stated] = {
    "aws-stage1": {
        TUNNEL_FROM: "192.0.2.9",
        PROMOTED_TO: "aws-stage2",
    },
    "aws-stage2": {SUBSCRIBES: True},
}


@pytest.mark.parametrize("name", STATED)
def test_it_is_read_back_and_goes_without_a_trace(
    attached: Attached, tmp_path: Path, name: str
) -> None:
    stack = EngineStack(name, tmp_path / "checkout", attached)
    session = cast("Session", SimpleNamespace(engine=stack.engine))
    file = stack.checkout.settings_file(name)
    before, wanted = file.read_text(), STATED[name]
    promotion_settings._edit(session, wanted, file)
    values = stacks.values(file, name)
    assert {key: values[key] for key in wanted} == wanted
    settings.read(name, values)
    promotion_settings._edit(session, wanted, file)
    promotion_settings._edit(session, dict.fromkeys(wanted), file)
    promotion_settings._edit(session, dict.fromkeys(wanted), file)
    assert file.read_text() == before
