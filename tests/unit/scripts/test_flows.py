"""Decisions of the commands that need no engine."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest

from components import settings
from components.errors import UserError
from components.seam.operations import Operations
from scripts.lib import epilogue, flows
from scripts.lib.checkout import Checkout
from scripts.lib.display import make_screen
from scripts.lib.session import Session
from tests.support.planned import stack_values

FILE = "config:\n  stages:app.revision: HEAD\n"


def test_a_revision_that_the_settings_refuse_is_not_written(tmp_path: Path) -> None:
    """Git reads ``HEAD^{/two words}`` as a commit; the settings do not take spaces."""
    (tmp_path / "stacks").mkdir()
    file = tmp_path / "stacks" / "Pulumi.s.yaml"
    file.write_text(FILE)
    session = Session(
        stack="s",
        checkout=Checkout(tmp_path),
        settings=settings.read("s", stack_values("local-stage1")),
        engine=cast(Any, None),
        operations=Operations(),
        screen=make_screen(),
    )
    with pytest.raises(UserError) as error:
        flows.deploy(session, "HEAD^{/e e}", yes=True, ask=lambda _: True)
    assert str(error.value) == (
        "--revision: should be a branch, tag or commit, got 'HEAD^{/e e}'."
        " Give one name, as git shows it."
    )
    assert file.read_text() == FILE


@pytest.mark.parametrize("changes", [True, False], ids=["changes", "none"])
def test_up_says_what_waits_at_the_cloud_first_and_cancels_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: bool
) -> None:
    done: list[str] = []

    class Planned:
        warnings: ClassVar[list[str]] = []
        steps: ClassVar[dict[Any, Any]] = {}

        def changes(self) -> bool:
            return changes

        def planned(self) -> list[Any]:
            return []

    def plan(*_: object, **__: object) -> Any:
        done.append("plan")
        return Planned()

    monkeypatch.setattr(flows, "make_ready", lambda _: None)
    monkeypatch.setattr(flows, "_plan_of_up", plan)
    monkeypatch.setattr(flows, "_run", lambda *_, **__: done.append("engine"))
    monkeypatch.setattr(epilogue, "tell", lambda *_, **__: done.append("end"))
    session = Session(
        stack="s",
        checkout=Checkout(tmp_path),
        settings=settings.read("s", stack_values("aws-stage2")),
        engine=cast(Any, SimpleNamespace(up=None, resources=list)),
        operations=Operations(
            pending=lambda _: done.append("told") or ["a change"],  # type: ignore[func-returns-value]
            cancel_pending=lambda *_: done.append("cancelled"),
        ),
        screen=make_screen(),
    )
    flows.up(session, yes=True, ask=lambda _: True)
    assert done == ["told", "plan", "engine", "cancelled", "end"]
