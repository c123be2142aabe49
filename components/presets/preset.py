"""A preset: a small file of TOML, one a framework, beside this one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
OFF = "none"
"""In place of a preset's name: there is none."""
HEALTH_PATH = "/health"
"""Without a preset."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What the file of a framework says."""

    name: str
    title: str
    web: str
    """The process ``web`` of a repository without a Procfile, as on Heroku; empty: none."""
    console: str
    console_file: str
    """The file of a release that shows that the console fits."""
    health_path: str
    """Where the repository's code names none of those that apps usually have."""
    sources: tuple[str, ...]
    """Endings of the files in which a health path is looked for."""
    runtime: Mapping[str, Any]
    """``name``; ``debian``: packages by version; ``same``: how many numbers of a pinned version
    Debian's has to share; ``other``: lines of shell that get another one, mise's where they are
    missing; ``other_from``, ``other_packages``: where from, and what that needs."""
    locks: Mapping[str, Mapping[str, str]]
    """How dependencies are installed, by the name of the file that pins them; the first counts."""
    environment: Mapping[str, str] = field(default_factory=dict)
    debian: Mapping[str, list[str]] = field(default_factory=dict)
    """Dependencies that Debian has, each with its package and version."""
    needs: Mapping[str, list[str]] = field(default_factory=dict)
    """Debian packages that a dependency needs to be built or to run."""


@dataclass(frozen=True, kw_only=True)
class Detected:
    """What a repository needs, and why that is thought."""

    names: tuple[str, ...] = ()
    """The presets that fit; the first is the framework that answers requests."""
    title: str = ""
    packages: tuple[str, ...] = ()
    runtime: str = ""
    """First lines of the build, which get what Debian does not have."""
    build: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    health_path: str = HEALTH_PATH
    web: str = ""
    why: Mapping[str, str] = field(default_factory=dict)
    """A reason each for ``title``, ``packages``, ``build``, ``health_path``."""


@cache
def presets() -> Mapping[str, Preset]:
    """All presets by name; one that comes first goes before the next where several fit."""
    read = [_read(file) for file in FOLDER.glob("*.toml")]
    return {preset.name: preset for _, preset in sorted(read, key=lambda pair: pair[0])}


def _read(file: Path) -> tuple[int, Preset]:
    table = tomllib.loads(file.read_text())
    order = table.pop("order")
    table["sources"] = tuple(table["sources"])
    return order, Preset(name=file.stem, **table)
