"""The output of a build: kept whole and told while it comes, whatever it is."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from components.host.agent import logs, report


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(logs, "FOLDER", tmp_path / "logs")
    return tmp_path / "logs"


def outputs(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [json.loads(line)["output"] for line in capsys.readouterr().out.splitlines()]


def test_all_of_it_is_kept_and_the_first_error_is_shown_with_the_last_lines(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = "echo 0 errors; echo 'src/a.c:3: error: no such thing'; seq 1 50; exit 3"
    done = logs.follow(["sh", "-c", script], "0123-build", timeout_s=20)
    assert (done.code, done.first_error) == (3, "src/a.c:3: error: no such thing")
    assert done.shown().splitlines()[:3] == ["src/a.c:3: error: no such thing", "...", "31"]
    assert done.shown().endswith("\n50")
    kept = Path(done.log).read_text().splitlines()
    assert (kept[0], kept[-1], len(kept)) == ("0 errors", "50", 52)
    assert Path(done.log).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert "\n".join(outputs(capsys)).splitlines() == kept


def test_it_is_told_before_the_command_has_ended(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    def hear(**values: str) -> None:
        heard.append(values["output"])
        (tmp_path / "go").touch()

    monkeypatch.setattr(logs, "tell", hear)
    script = f"echo one; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; printf 'tw\\ro'"
    assert logs.follow(["sh", "-c", script], "x", timeout_s=20).ok
    assert heard[0] == "one"
    assert "\n".join(heard) == "one\ntw\no"


def test_a_flood_fills_neither_the_disk_nor_the_session(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 10_000)
    script = "head -c 100000 /dev/zero; echo; yes | head -n 100000; echo the end"
    done = logs.follow(["sh", "-c", script], "x", timeout_s=60)
    assert Path(done.log).stat().st_size < 10_100
    assert Path(done.log).read_text().endswith("(the rest was not kept)\n")
    assert done.shown().endswith("the end")
    batches = outputs(capsys)
    assert max(len(batch.splitlines()) for batch in batches) <= logs.MOST_LINES + 1
    assert "more lines are in the log)" in "".join(batches)


def test_the_oldest_logs_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "KEEP", 3)
    folder.mkdir()
    for number in range(5):
        (folder / f"20200101T00000{number}-x-build.log").touch()
    new = Path(logs.follow(["true"], "y", timeout_s=20).log)
    assert sorted(folder.iterdir()) == [
        folder / "20200101T000003-x-build.log",
        folder / "20200101T000004-x-build.log",
        new,
    ]


def test_a_command_that_does_not_end_is_ended(capsys: pytest.CaptureFixture[str]) -> None:
    done = logs.follow(["sh", "-c", "echo waits; exec sleep 600"], "x", timeout_s=0.5)
    assert done.code == 124
    assert done.output.splitlines()[0] == "waits"
    assert done.last_line().startswith("stopped after ")


HOLDS = "setsid sleep 10 & echo $!; "
"""Leaves a process that nobody waits for, with the pipe; its id is the first line."""


def test_a_pipe_that_somebody_holds_keeps_no_command_from_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The app can hand it, over a socket, to a process that does not end with the unit."""
    for done, code in (
        (logs.follow(["sh", "-c", f"{HOLDS} exit 3"], "x", timeout_s=60), 3),
        (logs.follow(["sh", "-c", f"{HOLDS} exec sleep 60"], "x", timeout_s=0.5), 124),
        (report.run(["sh", "-c", f"{HOLDS} exec sleep 60"], timeout_s=0.5), 124),
    ):
        assert done.code == code
        os.kill(int(done.output.splitlines()[0]), signal.SIGKILL)  # fails for one that has ended
