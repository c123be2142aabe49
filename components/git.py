"""Runs the operator's own git. It never asks for a password: it fails instead."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from components.errors import MissingRequirement

TIMEOUT_S = 300
"""A mirror of a large repository over a slow line; anything longer is a hang."""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in a folder; a missing folder or a hang is a failure like any other.

    Raises ``UserError`` where git is not installed.
    """
    argv = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            check=False,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            env=_environment(),
        )
    except FileNotFoundError:
        raise MissingRequirement("git: should be on PATH, got none", "Install git") from None
    except OSError as problem:  # a name that is too long for an argument
        return subprocess.CompletedProcess(argv, 1, "", problem.strerror or str(problem))
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 1, "", f"no answer in {TIMEOUT_S} s")
    # Decoded here: subprocess would turn Windows line ends into others.
    texts = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(argv, done.returncode, *texts)


def output(folder: Path, *arguments: str) -> str | None:
    """What git prints; ``None`` where it is missing or fails."""
    try:
        done = run(folder, *arguments)
    except MissingRequirement:
        return None
    return done.stdout if done.returncode == 0 else None


def _environment() -> dict[str, str]:
    """Git must not ask for a password: it fails instead."""
    return {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}
