"""Programs that the tests build with Go, once for a user and the modules that are pinned."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from scripts.lib import pins
from scripts.lib.pulumi_cli import cache_folder

BUILD_TIMEOUT_S = 600


def built(module: Path, programs: Mapping[str, str]) -> Path:
    """Return a folder with the programs: their names, and the package of each.

    ``module`` has the go.mod that requires them: changed modules are built anew. Raises
    ``CalledProcessError`` with Go's own words.
    """
    pinned = [(module / name).read_text() for name in ("go.mod", "go.sum")]
    name = f"{module.name}-{pins.fingerprint(*pinned)[:12]}"
    folder = cache_folder("0").with_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for program, package in programs.items():
            if not (folder / program).exists():
                half = folder / f"{program}.new"
                subprocess.run(
                    ["go", "build", "-o", str(half), package],
                    cwd=module,
                    env={**os.environ, "GOWORK": "off", "GOFLAGS": "-mod=readonly"},
                    check=True,
                    timeout=BUILD_TIMEOUT_S,
                )
                half.replace(folder / program)
    return folder
