"""Which stacks a change touches: told from the names of its files, all of them when in doubt.

A stack's settings touch that stack, a cloud's folder the stacks on that cloud, an app in this
repository the stacks that run it. Pages, tests, examples, the operator's commands and the workflows
touch none. Every other file may change any stack: components, requirements, the engine's version,
policies, and whatever nobody thought of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.lib.preview import revisions

_STACK = re.compile(r"stacks/Pulumi\.(.+)\.yaml")
_CLOUD = re.compile(r"components/clouds/([^/]+)/.+")
_NONE = re.compile(
    r"(?:tests|docs|examples|\.github|\.ci|scripts)/.*|[^/]+\.md"
    r"|Makefile|pyproject\.toml|requirements-dev\.(?:in|txt)|\.gitignore|LICENSE"
)
_COSTS = re.compile(r"scripts/lib/preview\b.*")
"""Of the commands, those that decide what the comment says."""


@dataclass(frozen=True, kw_only=True)
class StackFile:
    """What of a stack's settings decides on whether it is touched."""

    cloud: str
    stage: str
    app: str | None
    """Folder of the app in this repository, ``None`` where the app is elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Touched:
    """The stacks of two revisions."""

    base: str
    head: str
    stacks: Mapping[str, str]
    """By name, the first file that touches it."""
    untouched: tuple[str, ...]
    gone: tuple[str, ...]
    """Stacks of the base that the head has no settings for."""
    files: Mapping[str, StackFile]

    def document(self) -> dict[str, Any]:
        """For a workflow: ``matrix`` is what its ``strategy.matrix`` takes."""
        include = [
            {"stack": name, "cloud": self.files[name].cloud, "stage": self.files[name].stage}
            for name in self.stacks
        ]
        return {
            "version": 1,
            "base": self.base,
            "head": self.head,
            "stacks": list(self.stacks),
            "because": dict(self.stacks),
            "untouched": list(self.untouched),
            "gone": list(self.gone),
            "matrix": {"include": include},
        }


def between(root: Path, base: str, head: str) -> Touched:
    """The stacks that the commits from ``base`` to ``head`` touch."""
    files = revisions.changed_files(root, base, head)
    now, before = revisions.stacks_at(root, head), revisions.stacks_at(root, base)
    stacks = {name: _read(revisions.file_at(root, head, _path(name))) for name in now}
    because = touches(files, stacks)
    return Touched(
        base=base,
        head=head,
        stacks={name: because[name] for name in now if name in because},
        untouched=tuple(name for name in now if name not in because),
        gone=tuple(name for name in before if name not in now),
        files=stacks,
    )


def touches(files: Iterable[str], stacks: Mapping[str, StackFile]) -> dict[str, str]:
    """By stack, the first of the files that touches it."""
    causes: dict[str, str] = {}
    for file in files:
        for name in _by(file, stacks):
            causes.setdefault(name, file)
    return causes


def _by(file: str, stacks: Mapping[str, StackFile]) -> Sequence[str]:
    of_app = [name for name, stack in stacks.items() if _within(file, stack.app)]
    if own := _STACK.fullmatch(file):
        return [own[1], *of_app]
    if file.endswith("/README.md"):
        return of_app
    if cloud := _CLOUD.fullmatch(file):
        return [*(name for name, stack in stacks.items() if stack.cloud in {cloud[1], ""}), *of_app]
    if _NONE.fullmatch(file) and not _COSTS.fullmatch(file):
        return of_app
    return list(stacks)


def _within(file: str, folder: str | None) -> bool:
    return folder is not None and (folder == "" or file.startswith(f"{folder}/"))


def _read(text: str | None) -> StackFile:
    """What can be read of a stack's settings; what cannot is in doubt."""
    try:
        config = (yaml.safe_load(text or "") or {}).get("config") or {}
    except (yaml.YAMLError, AttributeError):
        config = {}
    if not isinstance(config, dict):
        config = {}
    repository = str(config.get("stages:app.repository", "."))
    folder = str(config.get("stages:app.directory", ".")).strip("/").removeprefix("./")
    return StackFile(
        cloud=str(config.get("stages:cloud", "")),
        stage=str(config.get("stages:stage", "")),
        app=("" if folder == "." else folder) if repository in {".", "./"} else None,
    )


def _path(stack: str) -> str:
    return f"stacks/Pulumi.{stack}.yaml"
