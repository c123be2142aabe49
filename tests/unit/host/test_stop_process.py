"""Which processes of a line of shell get SIGTERM, and that their end is waited for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from components.host.rendering import FILES

JOB = """
import signal, sys, pathlib
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
def leave(*_):
    with (folder / f"{name}.ended").open("x"):  # told once
        sys.exit(0)
signal.signal(signal.SIGTERM, leave)
(folder / f"{name}.begun").touch()
signal.pause()
"""
"""A job that takes its time to end, and says that it could."""


def stopped(folder: Path, line: str, *jobs: str) -> set[str]:
    """Start a line of shell, stop it when its jobs run; return what came to its end, or began."""
    (folder / "job.py").write_text(JOB)
    text = line.replace("job", f"{sys.executable} {folder}/job.py").replace("HERE", str(folder))
    process = subprocess.Popen(["/bin/bash", "-c", text], start_new_session=True)
    try:
        while not all((folder / f"{job}.begun").exists() for job in jobs):
            assert process.poll() is None
        argv = [sys.executable, "-I", str(FILES / "app/stop-process.py"), str(process.pid)]
        subprocess.run(argv, check=True, timeout=60)
        return {path.name for path in folder.iterdir()} - {"job.py", *(f"{j}.begun" for j in jobs)}
    finally:
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
        process.wait()


@pytest.mark.parametrize(
    ("line", "jobs"),
    [
        ("job a HERE & job b HERE & wait", ("a", "b")),
        ("job a HERE | job b HERE; true", ("a", "b")),
        ("bash -c 'job a HERE; true' & job b HERE & wait", ("a", "b")),
    ],
)
def test_all_that_a_shell_started_comes_to_its_end(
    tmp_path: Path, line: str, jobs: tuple[str, ...]
) -> None:
    assert stopped(tmp_path, line, *jobs) == {f"{job}.ended" for job in jobs}


RUNNER = """
import signal, subprocess, sys
script = subprocess.Popen(["/bin/sh", "-c", sys.argv[1]])
signal.signal(signal.SIGTERM, lambda *_: script.terminate())
sys.exit(script.wait())
"""
"""What npm does: its shell gets the signal, what that started does not, and both end."""


@pytest.mark.parametrize(
    ("line", "jobs"),
    [
        ("exec HERE/bin/npm 'job a HERE; true'", ("a",)),
        ("exec HERE/bin/npm 'job a HERE'", ("a",)),
        ("HERE/bin/npm 'job a HERE; true' & HERE/bin/npm 'job b HERE; true' & wait", ("a", "b")),
    ],
)
def test_what_npm_runs_comes_to_its_end(tmp_path: Path, line: str, jobs: tuple[str, ...]) -> None:
    """`worker: npm run worker` lost its job: npm ended, and systemd killed the rest at once."""
    runner = tmp_path / "bin" / "npm"
    runner.parent.mkdir()
    runner.write_text(f"#!{sys.executable}\n{RUNNER}")
    runner.chmod(0o755)
    assert stopped(tmp_path, line, *jobs) == {"bin", *(f"{job}.ended" for job in jobs)}


@pytest.mark.parametrize("line", ["job a HERE; touch HERE/next", "while job a HERE; do :; done"])
def test_a_shell_goes_on_to_nothing(tmp_path: Path, line: str) -> None:
    assert stopped(tmp_path, line, "a") == {"a.ended"}


@pytest.mark.parametrize("line", ["exec job a HERE", "cd / && job a HERE"])
def test_a_server_is_left_to_systemd(tmp_path: Path, line: str) -> None:
    """What has taken the shell's place gets its signal from systemd."""
    assert stopped(tmp_path, line, "a") == set()


def test_the_children_of_what_is_no_shell_hear_nothing(tmp_path: Path) -> None:
    """To a child of Celery's a SIGTERM would be the loss of its job."""
    parent = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    assert stopped(tmp_path, f"{sys.executable} -c '{parent}' job a HERE & wait", "a") == set()
