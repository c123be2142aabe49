"""The database's console, whatever the app's environment says."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from components.host import pgbouncer
from scripts import db
from scripts.lib import app_command, app_server, session


def test_a_word_that_libpq_does_not_know_stops_no_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apps on Node.js may have ``PGSSLMODE=no-verify``, as Heroku's pages recommend."""
    psql = tmp_path / "psql"
    psql.write_text("#!/bin/sh\necho $PGSSLMODE; cat $PSQLRC\n")
    psql.chmod(0o755)
    monkeypatch.setattr(pgbouncer, "PSQL", str(psql))
    monkeypatch.setattr(session, "open_session", lambda stack: stack)
    server = SimpleNamespace(way_in={}, stack="shop-stage1")
    monkeypatch.setattr(app_server, "read", lambda _: server)

    def run(way_in: object, stack: str, words: list[str], *, hears: bool) -> int:
        said = subprocess.run(
            words, env={"PATH": "/bin", "PGSSLMODE": "no-verify"}, capture_output=True, check=True
        )
        assert said.stdout.decode() == f"disable\n{db.SETTINGS}"
        return 0

    monkeypatch.setattr(app_command, "run", run)
    with pytest.raises(typer.Exit) as ended:
        db.console(stack="shop-stage1")
    assert ended.value.exit_code == 0
