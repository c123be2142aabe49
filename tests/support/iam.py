"""What AWS would answer to a request, by a local evaluator of IAM policies.

It knows from AWS's own reference which condition keys a request of an action on a kind of resource
carries: a condition on any other one does not hold, as at AWS. Built once for all clones.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "tools" / "iam-simulate"
CACHES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stages"
"""The user's; read before a test sets a cache of its own."""
ACCOUNT = "123456789012"
ALLOWED = "Allowed"
DENIED = ("ImplicitlyDenied", "ExplicitlyDenied")


@dataclass(frozen=True)
class Request:
    """One action on one resource, with what AWS knows at the time."""

    action: str
    resource: str
    context: Mapping[str, str | list[str]] = field(default_factory=dict)


def answers(
    requests: Sequence[Request],
    policies: Sequence[Mapping[str, Any]],
    boundary: Mapping[str, Any] | None = None,
) -> list[str]:
    """Return ``ALLOWED`` or one of ``DENIED`` for each request of someone with these policies."""
    asked = {
        "policies": list(policies),
        "boundary": boundary,
        "requests": [vars(request) for request in requests],
    }
    result = subprocess.run(
        ["node", "evaluate.mjs"],
        cwd=_installed(),
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: list[str] = json.loads(result.stdout)
    for request, answer in zip(requests, answers, strict=True):
        assert answer in (ALLOWED, *DENIED), f"{request}: {answer}"
    return answers


@cache
def _installed() -> Path:
    if not shutil.which("npm"):
        if os.environ.get("CI"):
            pytest.fail("the evaluator runs with Node, which CI has to have")
        pytest.skip("the evaluator runs with Node and npm, which this machine lacks")
    files = [SOURCE / name for name in ("package.json", "package-lock.json", "evaluate.mjs")]
    content = b"".join(file.read_bytes() for file in files)
    folder = CACHES / f"iam-simulate-{hashlib.sha256(content).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():  # once it is, others run what is there
            for file in files:
                shutil.copy(file, folder / file.name)
            install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(install, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            (folder / "installed").touch()
    return folder
