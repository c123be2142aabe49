"""Python environments beside ``.venv``, for tools whose packages clash with the program's.

Each is made once on a machine, in the user's cache; changed requirements make another one.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import time
from pathlib import Path

from components.errors import StepFailed
from scripts.lib import pins, pulumi_cli
from scripts.lib.execute import duration, last_words, run_logged, say


def ensure(requirements: Path, name: str) -> Path:
    """Return the Python of the environment of a requirements file with hashes; make it if need be.

    With uv (the developers' requirements have it) that takes seconds, with pip alone a minute.
    Raises ``UserError`` with the installer's last words.
    """
    text = requirements.read_text()
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    mark = pins.fingerprint(text, version)[:12]
    folder = pulumi_cli.cache_folder("").parent / f"{name}-{mark}"
    python = folder / "bin" / "python"
    done = folder / "complete"
    if done.exists():
        return python
    with pulumi_cli.alone(folder.with_name(f"{folder.name}.lock"), name):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _make(requirements, name, folder)
            done.touch()
    return python


def _make(requirements: Path, name: str, folder: Path) -> None:
    python = str(folder / "bin" / "python")
    install = ["--quiet", "--no-deps", "--require-hashes", "-r", str(requirements)]
    if importlib.util.find_spec("uv"):
        uv = [sys.executable, "-m", "uv"]
        steps = [
            [*uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
            [*uv, "pip", "install", "--python", python, *install],
        ]
    else:
        steps = [
            [sys.executable, "-m", "venv", str(folder)],
            [python, "-m", "pip", "install", "--disable-pip-version-check", *install],
        ]
    log = folder.with_name(f"{folder.name}.log")
    started = time.monotonic()
    for number, argv in enumerate(steps):
        what = f"Python packages of the {name}: {('an environment', 'installing')[number]}"
        if run_logged(argv, what, log) != 0:
            shutil.rmtree(folder, ignore_errors=True)
            raise StepFailed(
                f"Python packages of the {name}: installing failed ({last_words(log)})",
                f"The output is in {log}.",
            )
    say(f"Python packages of the {name}: installed in {duration(time.monotonic() - started)}.")
