"""What is said while a server is at work, and by Ctrl-C there and at a question."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from components.errors import Interrupted
from scripts.lib import app_server, confirm, failed_boots


def test_at_a_question_nothing_was_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    def abort(_: str) -> bool:
        raise typer.Abort

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(typer, "confirm", abort)
    with pytest.raises(Interrupted, match=r"^Stopped\. Nothing was changed\.$"):
        confirm.confirm("Take these away?")


def test_a_server_that_is_at_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(app_server, "work", stop)
    way_in = dict.fromkeys(failed_boots.NAMES, "")
    server = app_server.AppServer("shop", way_in, {})
    with pytest.raises(KeyboardInterrupt) as stopped:
        server.perform({"mode": "anything"}, print)
    assert str(stopped.value) == ("Stopped waiting. The server of shop finishes what it has begun.")


def test_the_steps_of_a_server_go_by_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: Any, step: Any, **__: Any) -> dict[str, Any]:
        step("copy the schema")
        return {}

    monkeypatch.setattr(app_server, "work", work)
    said: list[str] = []
    way_in = dict.fromkeys(failed_boots.NAMES, "")
    app_server.AppServer("shop", way_in, {}, said.append).perform({"mode": "anything"}, print)
    assert said == ["shop: copy the schema"]
