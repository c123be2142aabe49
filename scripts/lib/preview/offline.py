"""Offline plans of two revisions: each planned by its own code, side by side.

Both the settings and the components of a change are to be seen, so the base is planned by the
base's code and the head by the head's, from a worktree each, in a process each. No credentials and
no network are used; a variable that names a secret is not handed on to the code of a pull request.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from components.errors import StepFailed
from scripts.lib.preview import plan_revision, revisions

SIDES: Final = ("base", "head")
HANDED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
TIMEOUT_S: Final = 300
"""For the plans of one revision: six stacks take 2 s."""


def make(root: Path, commits: Mapping[str, str], stacks: Sequence[str], out: Path) -> None:
    """Plan the stacks of two commits into ``out/base`` and ``out/head``; all where none is named.

    Raises ``UserError`` when a revision's code cannot even be started.
    """
    with ExitStack() as cleaning:
        scratch = Path(
            cleaning.enter_context(tempfile.TemporaryDirectory(prefix="stages-preview-"))
        )
        running = []
        for side in SIDES:
            folder = out / side
            folder.mkdir(parents=True, exist_ok=True)
            files = revisions.files_of(root, commits[side], scratch / side)
            running.append((side, _start(cleaning.enter_context(files), folder, stacks)))
        ended = [(side, *_end(process), process.returncode) for side, process in running]
    for side, output, code in ended:
        if code != 0:
            last = output.strip().splitlines()[-1:] or ["it said nothing"]
            raise StepFailed(
                f"the code of the {side} ({commits[side][:12]}) cannot plan: {last[0]}",
                "Is it older than the offline plan, or is it broken?",
            )


def _start(files: Path, folder: Path, stacks: Sequence[str]) -> subprocess.Popen[str]:
    environment = {key: os.environ[key] for key in HANDED_ON if key in os.environ}
    environment |= {"PYTHONPATH": str(files), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-P", plan_revision.__file__, str(files), str(folder.resolve()), *stacks],
        cwd=files,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )


def _end(process: subprocess.Popen[str]) -> tuple[str]:
    try:
        return (process.communicate(timeout=TIMEOUT_S)[1],)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return (f"no end after {TIMEOUT_S} s",)
