"""When a server's certificate, and how far its jobs are numbered, is handed on; the copies
themselves are shown by ``tests/real/tls`` and ``tests/real/stages/test_shutdown.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.remote import engine_log
from components.resources import handover
from components.resources.handover import HandoverProvider

OLD: dict[str, Any] = {
    "stack": "s",
    "cloud": "local",
    "server_id": "s/app/1",
    "ssh_host": "10.0.0.16",
    "ssh_host_key": "ssh-ed25519 AAAA",
    "login": "ops",
    "private_key": "",
    "boot_failed": "",
    "folder": "/var/lib/stages-tls/acme",
}


def test_it_is_never_replaced_and_hands_the_server_on() -> None:
    provider = HandoverProvider()
    assert provider.create({**OLD, "__provider": "x"}).outs == OLD
    assert provider.diff("handover", OLD, {**OLD, "__provider": "y"}).changes is False
    another = provider.diff("handover", OLD, {**OLD, "server_id": "s/app-b/2"})
    assert (another.changes, another.replaces or []) == (True, [])


def test_nobody_is_asked_without_another_server() -> None:
    news = {**OLD, "login": "other", "cloud": "no such cloud"}  # to ask it would fail
    assert HandoverProvider().update("handover", {**OLD, "cloud": "none"}, news).outs == news


def test_an_old_server_that_does_not_run_is_told_and_does_not_stop_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGES_LOCAL_ROOT", str(tmp_path))  # where no such server is
    messages: list[str] = []
    monkeypatch.setattr(engine_log, "warn", messages.append)
    news = {**OLD, "server_id": "s/app-b/2"}
    assert HandoverProvider().update("handover", OLD, news).outs == news
    assert messages == [
        "10.0.0.16: its certificate is not copied (the old server does not run): the new server"
        " asks for another one within an hour, and is self-signed until then"
    ]


@pytest.mark.parametrize("known", [[], [[0, "YnVsbDptYWlsczppZA==", 7]]])
def test_a_queue_that_numbers_its_jobs_is_counted_on(
    known: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def work(props: dict[str, Any], document: dict[str, Any], **_: Any) -> dict[str, Any]:
        asked.append((props["server_id"], document["mode"]))
        assert document["shutdown"]["queue"]["port"] == "6379"
        assert document.get("counters", known) == known
        return {"counters": known}

    monkeypatch.setattr(handover, "server_state", lambda *_: "running")
    monkeypatch.setattr(handover, "work", work)
    HandoverProvider().update("handover", OLD, {**OLD, "server_id": "s/app-b/2", "folder": ""})
    taken = [("s/app-b/2", "take counters")] if known else []
    assert asked == [("s/app/1", "give counters"), *taken]
