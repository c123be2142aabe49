"""The files of an app at the revision that is deployed, read with git."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from components import git
from components.errors import UserError

NOT_THE_APP = ("test", "tests", "spec", "node_modules", "vendor", "docs")


@dataclass(frozen=True)
class Files:
    """The app's folder in one commit."""

    repository: Path
    commit: str
    folder: str
    """Empty, or the path of the folder with a slash at its end."""

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of files and folders that lie in the folder itself."""
        listed = git.run(self.repository, "ls-tree", "-z", "--name-only", self._at())
        return frozenset(name for name in listed.stdout.split("\0") if name)

    def text(self, name: str) -> str | None:
        """The text of a file; ``None`` where there is none."""
        shown = git.run(self.repository, "show", self._at(name))
        return shown.stdout if shown.returncode == 0 else None

    def table(self, name: str) -> Mapping[str, Any]:
        """A file of TOML or JSON; empty where there is none.

        Raises ``UserError`` for one that cannot be read.
        """
        text = self.text(name)
        if text is None:
            return {}
        kind = "TOML" if name.endswith((".toml", ".lock")) else "JSON"
        try:
            table = tomllib.loads(text) if kind == "TOML" else json.loads(text)
        except ValueError as problem:
            raise self.wrong(name, f"a file of {kind}", str(problem), "Correct it.") from None
        if not isinstance(table, dict):
            raise self.wrong(name, f"a table in {kind}", type(table).__name__, "Correct it.")
        return table

    def search(self, pattern: str, *endings: str) -> tuple[str, str] | None:
        """The first file with one of the endings that has the pattern, and the line it stands in.

        Tests and what others wrote are left out.
        """
        globs = [f":(glob){self.folder}**/*{ending}" for ending in endings]
        skipped = [f":(exclude,glob){self.folder}**/{name}/**" for name in NOT_THE_APP]
        words = ["grep", "-I", "-E", "-e", pattern, self.commit, "--", *globs, *skipped]
        lines = git.run(self.repository, *words).stdout.splitlines()
        hits = [line.removeprefix(f"{self.commit}:{self.folder}").partition(":") for line in lines]
        return min(((name, line) for name, _, line in hits), default=None, key=_depth)

    def wrong(self, name: str, should: str, got: str, remedy: str) -> UserError:
        """The error for a file of the app."""
        return UserError(f"{self.folder}{name}: should be {should}, got {got}", remedy)

    def _at(self, name: str = "") -> str:
        return f"{self.commit}:{self.folder}{name}"


def _depth(hit: tuple[str, str]) -> tuple[int, str]:
    return hit[0].count("/"), hit[0]
