"""A repository of an app, of the files that a test names."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from components.errors import UserError
from components.presets.detect import detect
from components.presets.files import Files
from components.presets.preset import Detected

AUTHOR = ("-c", "user.name=t", "-c", "user.email=t@example.com")


def committed(folder: Path, files: Mapping[str, str]) -> Files:
    """The files in the folder ``shop`` of a repository's last commit."""
    for name, text in files.items():
        (folder / "shop" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "shop" / name).write_text(text)
    for words in (
        ["init", "--quiet"],
        ["add", "--force", "."],
        [
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "commit",
            "--quiet",
            "--allow-empty",
            "-m",
            "x",
        ],
    ):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return Files(folder, "HEAD", "shop/")


def detected(folder: Path, files: Mapping[str, str], wanted: str = "") -> Detected:
    return detect(committed(folder, files), wanted)


def refused(folder: Path, files: Mapping[str, str], wanted: str = "") -> str:
    with pytest.raises(UserError) as caught:
        detected(folder, files, wanted)
    return str(caught.value)
