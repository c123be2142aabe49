"""What the command refuses, word for word. What it measures is shown on a real host."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.lib import checkout, session
from scripts.lib.since import begin
from scripts.main import main

ROOT = Path(__file__).resolve().parents[4]
SETTINGS = "config:\n  stages:cloud: local\n  stages:stage: {}\n  stages:app.repository: .\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout with a stack of each stage, neither of them up."""
    (tmp_path / "stacks").mkdir()
    for stage in (1, 2):
        (tmp_path / "stacks" / f"Pulumi.s{stage}.yaml").write_text(SETTINGS.format(stage))
    for name in ("Pulumi.yaml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".stages").mkdir()
    (tmp_path / ".stages" / "cli").write_text("/nowhere\n")
    monkeypatch.setattr(session, "ROOT", tmp_path)
    monkeypatch.delenv(checkout.BACKEND, raising=False)
    before = Path.cwd()
    yield tmp_path
    os.chdir(before)


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["s3"],
            2,
            "STACK: should be one of s1, s2, got 's3'. Did you mean STACK=s2? A new stack is a new"
            " file stacks/Pulumi.s3.yaml.",
        ),
        (
            ["s2"],
            2,
            "Stack s2: should be one of stage 1, got stage 2. The signals say when to leave"
            " stage 1; this stack has left it.",
        ),
        (["s1"], 1, "Stack s1 is not up. Run `make up STACK=s1` first."),
        (
            ["s1", "--stack", "s2"],
            2,
            "STACK: should be named once, got 's1' and --stack 's2'",
        ),
        (
            ["s1", "--sins", "1d"],
            2,
            "No such option: --sins (Possible options: --json, --since)."
            " See `./stages signals --help`.",
        ),
        *(
            (
                ["s1", "--since", since],
                2,
                "--since: should be an age of at most 90 days, or a time that has been, got"
                f" {since!r}. For example 30m, 24h, 7d or 2026-11-22T18:00 (UTC).",
            )
            for since in ("", "7", "0d", "91d", "1w", "yesterday", "2001-01-01", "2999-01-01")
        ),
    ],
)
def test_what_is_refused(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code = main(["signals", *arguments])
    assert capsys.readouterr() == ("", message + "\n")
    assert exit_code == code


def test_where_a_period_begins() -> None:
    now = time.time()
    assert begin("90m", now) == now - 5400
    assert begin("24h", now) == now - 86400
    assert begin("7d", now) == now - 7 * 86400
    assert begin("2026-11-22T18:00", 1795376000) == 1795370400
    assert begin("2026-11-22T19:00+01:00", 1795376000) == 1795370400
