"""Which runtime: Debian's where it fits what the repository asks for, else another beside it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.presets import ranges
from components.presets.files import Files

MISE = Path(__file__).parent / "mise.sh"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The version that a repository asks for, and where it does."""

    version: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """The packages and the first lines of the build."""

    packages: tuple[str, ...]
    build: str
    why: str


def first_line(files: Files, name: str, pattern: str = r"\s*(?:[a-z-]+-)?(\S+)") -> Wanted | None:
    """What a file asks for that holds a version, and comments perhaps."""
    lines = (line.strip() for line in (files.text(name) or "").splitlines())
    line = next((line for line in lines if line and not line.startswith("#")), "")
    match = re.match(pattern, line)
    return Wanted(version=match[1], source=name) if match else None


def tool_versions(files: Files, *tools: str) -> Wanted | None:
    """What ``.tool-versions`` asks for: mise's and asdf's own file."""
    for line in (files.text(".tool-versions") or "").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] in tools:
            return Wanted(version=words[1].removeprefix("temurin-"), source=".tool-versions")
    return None


def choose(files: Files, about: Mapping[str, Any], wanted: Wanted | None) -> Runtime:
    """Debian's runtime if it fits; raises ``UserError`` for what names no version."""
    name, debian = about["name"], about["debian"]
    if wanted is None:
        version, packages = next(iter(debian.items()))
        return Runtime(packages=tuple(packages), build="", why=f"Debian's {name} {version}")
    version = about.get("aliases", {}).get(wanted.version.lower(), wanted.version)
    try:
        for ours, packages in debian.items():
            if ranges.fits(ours, version, about["same"]):
                why = f"Debian's {name} {ours} fits {wanted.version} in {wanted.source}"
                return Runtime(packages=tuple(packages), build="", why=why)
        other = ranges.series(version)
    except ValueError:
        example = next(iter(debian))
        raise files.wrong(
            wanted.source, f"a version of {name}", repr(wanted.version), f"For example {example}."
        ) from None
    ours = ", ".join(debian)
    words = {
        "tool": about.get("tool", ""),
        "version": other,
        "range": version,
        "refusal": f"{wanted.source}: should be a version of {name} that {about['other_from']} has,"
        f" got {wanted.version!r}. Name another, or Debian's: {ours}.",
    }
    values = {key: shlex.quote(word) for key, word in words.items()}
    return Runtime(
        packages=tuple(about.get("other_packages") or next(iter(debian.values()))),
        build=filled((about.get("other") or MISE.read_text()).strip(), values),
        why=f"{name} {other} from {about['other_from']}, for Debian's "
        f"{ours} does not fit {wanted.version} in {wanted.source}",
    )


def filled(text: str, values: Mapping[str, str]) -> str:
    """A template of shell with ``{name}`` in it; other braces stay."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text
