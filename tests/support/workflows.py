"""The workflows as GitHub's runner would take them: their steps, expressions and commands."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass(frozen=True)
class Step:
    """One step with a command."""

    workflow: str
    job: str
    run: str
    env: Mapping[str, str]

    def start(
        self,
        folder: Path,
        runner: Mapping[str, str],
        known: Mapping[str, str],
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end with the shell that a runner takes where none is named.

        ``runner`` is what the runner sets by itself, ``known`` the value of each context
        (``vars.NAME``); a variable or secret that is not set is empty, as it is there.
        """
        own = {name: evaluated(text, known) for name, text in self.env.items()}
        inherited = {name: os.environ[name] for name in ("PATH", "HOME")}
        # The tests have their environment already: the bootstrap, run by $(PYTHON), is skipped.
        made = {**inherited, "PYTHON": "true", "PYTHONDONTWRITEBYTECODE": "1", **runner, **own}
        return subprocess.run(
            ["bash", "-e", "-c", self.run],
            cwd=folder,
            env=made,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def evaluated(text: str, known: Mapping[str, str]) -> str:
    """A text with its expressions replaced; only ``a || b`` of contexts is understood."""

    def value(match: re.Match[str]) -> str:
        names = [name.strip() for name in match[1].split("||")]
        for name in names:
            if not re.fullmatch(r"(vars|secrets|env|matrix|github)\.\w+", name):
                raise ValueError(f"{name}: should be a context and a name")
        return next((known[name] for name in names if known.get(name)), "")

    return EXPRESSION.sub(value, text)


def documents() -> dict[str, dict[str, Any]]:
    """Every workflow by the name of its file."""
    return {file.stem: yaml.safe_load(file.read_text()) for file in sorted(FOLDER.glob("*.yml"))}


def steps() -> list[Step]:
    """Every step that has a command."""
    return [
        Step(name, job, step["run"], step.get("env", {}))
        for name, document in documents().items()
        for job, content in document["jobs"].items()
        for step in content["steps"]
        if "run" in step
    ]


def step(workflow: str, job: str) -> Step:
    """The one step of a job that has a command."""
    (only,) = [
        candidate for candidate in steps() if (candidate.workflow, candidate.job) == (workflow, job)
    ]
    return only
