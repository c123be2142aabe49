"""Plans every stack of one checkout, each into a file: started for each of two git revisions.

    python plan_revision.py <checkout> <folder> [stack ...]

It is run by path, in a process of its own, with the *planned* revision's code on the import path:
so it may import only what every revision has had since there are plans. All stacks share the
process: the SDKs are imported once. It writes into the folder

    <stack>.json            the offline plan: see planning/plan.py
    <stack>.settings.json   the settings as they stand in the stack's file
    <stack>.error           instead of a plan: why there is none
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

NO_COMMIT = "0" * 40
PROCFILE = "web: true\nworker: true\n"
"""Stands for the Procfile of an app that is out of reach: no resource depends on more of it."""


def main(root: Path, folder: Path, chosen: list[str]) -> None:
    """Plan the chosen stacks of a checkout, or all."""
    from components.errors import UserError

    try:
        stacks = importlib.import_module("components.settings.stacks")
    except ImportError:  # a revision before it moved there
        stacks = importlib.import_module("scripts.lib.stacks")

    os.chdir(root)  # paths in settings start here
    for stack in chosen or stacks.names(root / "stacks"):
        file = root / "stacks" / f"Pulumi.{stack}.yaml"
        if not file.is_file():
            continue
        try:
            values = dict(stacks.values(file, f"stacks/{file.name}"))
            _write(folder / f"{stack}.settings.json", values)
            _write(folder / f"{stack}.json", _plan(root, stack, values))
        except UserError as error:
            (folder / f"{stack}.error").write_text(f"{error}\n")
        except Exception as error:  # a mistake in the change: its own words, on this stack alone
            (folder / f"{stack}.error").write_text(f"{type(error).__name__}: {error}\n")


def _plan(root: Path, stack: str, values: dict[str, object]) -> dict[str, Any]:
    from components import settings
    from components.release import ResolvedRelease
    from planning import plan

    read = settings.read(stack, values)
    commit, procfile = _app(root, read.app.repository, read.app.revision, read.app.directory)
    release = ResolvedRelease(
        repository=read.app.repository,
        commit=commit,
        procfile=procfile,
        uncommitted=False,
        **_detected(root, read.app),
    )
    return plan.plan_settings(read, release, root).document()


def _detected(root: Path, app: Any) -> dict[str, Any]:
    """What the presets say of an app in this very repository, at a revision that has presets."""
    try:
        from components.presets.detect import detect
        from components.presets.files import Files
    except ImportError:
        return {}
    if not _is_here(root, app.repository):
        return {}
    files = Files(root, app.revision, _inside(app.directory))
    return {"detected": detect(files, app.preset or "")}


def _is_here(root: Path, repository: str) -> bool:
    return "://" not in repository and (root / repository).resolve() == root.resolve()


def _inside(directory: str) -> str:
    folder = directory.strip("/").removeprefix("./")
    return "" if folder in {"", "."} else f"{folder}/"


def _app(root: Path, repository: str, revision: str, directory: str) -> tuple[str, str]:
    """What stands for the app's commit, and its Procfile.

    An app in this very repository has the id of its folder's content: it differs when the app does,
    not with every commit. Any other is out of reach: its revision is in the settings.
    """
    if not _is_here(root, repository):
        return NO_COMMIT, PROCFILE
    inside = _inside(directory)
    content = _git(root, "rev-parse", "--verify", f"{revision}:{inside.rstrip('/')}")
    return content.strip() or NO_COMMIT, _git(
        root, "show", f"{revision}:{inside}Procfile"
    ) or PROCFILE


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else ""


def _write(file: Path, document: object) -> None:
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False, default=str) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
