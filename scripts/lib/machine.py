"""Which Debian packages a cloud's folder asks of this machine.

Standard library only: the bootstrap uses this before the virtual environment exists.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

PACKAGES_FILE = "machine-packages.txt"
"""In a cloud's folder, optional: what the operator's machine must have for that cloud."""


@dataclass(frozen=True)
class MachinePackage:
    """What must be there, the package that brings it, and what it is for."""

    program: str
    """A name on PATH, or the whole path of a file."""
    package: str
    purpose: str


def is_there(program: str, path: str) -> bool:
    """Whether a program is in one of the folders of ``path``, or a file where its name says."""
    if program.startswith("/"):
        return Path(program).exists()
    return shutil.which(program, path=path) is not None


def parse_packages(text: str) -> tuple[MachinePackage, ...]:
    """Read lines of ``program package purpose...``; empty lines and ``#`` comments are skipped."""
    packages = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#", 1)[0].strip().split(None, 2)
        if not words:
            continue
        if len(words) != 3:
            raise ValueError(
                f"{PACKAGES_FILE} line {number}: should be `program package purpose`, got {line!r}"
            )
        packages.append(MachinePackage(*words))
    return tuple(packages)


def cloud_of(stack_file: str) -> str:
    """Return the value of ``stages:cloud`` in a stack's settings file, without a YAML parser.

    Good enough to know which packages to install; the settings are read properly later.
    """
    match = re.search(r"^\s+['\"]?stages:cloud['\"]?:\s*['\"]?([\w-]+)", stack_file, re.MULTILINE)
    return match.group(1) if match else ""


def install_command(packages: list[str]) -> list[str]:
    """Return the command that installs the packages, as a user would type it."""
    return ["apt-get", "install", "--yes", "--no-install-recommends", *packages]


def missing_sentence(missing: list[MachinePackage]) -> str:
    """Say which packages are wanted and why, in one line."""
    why = {item.package: item.purpose for item in missing}
    return ", ".join(f"{package} ({purpose})" for package, purpose in why.items())
