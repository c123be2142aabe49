"""A fresh clone of this checkout with stacks of its own, driven as a user drives it.

Only what is committed is in it. The scripts run with the virtual environment of the tests; state,
passphrase and stacks are the clone's own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
UP_TIMEOUT_S = 600
SAMPLE: dict[str, object] = {
    "cloud": "local",
    "app.repository": ".",
    "app.directory": "examples/django",
    "app.worker_settle_s": 1,
}


def clone(folder: Path) -> Clone:
    """Clone the checkout; give the clone the tests' virtual environment."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    subprocess.run([sys.executable, "scripts/bootstrap.py", "--dev"], cwd=folder, check=True)
    return Clone(folder)


@dataclass(frozen=True)
class Clone:
    """A checkout and its commands."""

    path: Path

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run ``./stages``, expect its exit code, and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "scripts", *arguments],
            cwd=self.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=UP_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == code, done.stdout
        assert "Traceback" not in done.stdout, done.stdout
        return done.stdout

    def git(self, *arguments: str) -> str:
        """Run git in the clone."""
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        done = subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.path,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def stack(self, name: str, **settings: object) -> Stack:
        """Describe a stack of this clone; ``configure`` writes its file."""
        stack = Stack(self, name, {})
        stack.configure(**settings)
        return stack


@dataclass
class Stack:
    """One stack of a clone: its settings and what a user does with it."""

    clone: Clone
    name: str
    settings: dict[str, object]

    def configure(self, **changes: object) -> None:
        """Write the settings file with changes; ``__`` is a dot, ``None`` takes a key out."""
        for key, value in changes.items():
            self.settings[key.replace("__", ".")] = value
        # Backups have tests of their own: their bucket is one more host to wait for.
        sample = SAMPLE | ({"backups.off": True} if str(self.settings.get("stage")) == "1" else {})
        values = {
            f"stages:{key}": value
            for key, value in {**sample, **self.settings}.items()
            if value is not None
        }
        file = self.clone.path / "stacks" / f"Pulumi.{self.name}.yaml"
        file.write_text(yaml.safe_dump({"config": values}))

    def run(self, command: str, *arguments: str, code: int = 0) -> str:
        """Run a verb of ``./stages`` on this stack."""
        return self.clone.run(command, "--stack", self.name, *arguments, code=code)

    def up(self, **changes: object) -> str:
        """Change settings and bring the stack up."""
        self.configure(**changes)
        return self.run("up")

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, by name."""
        found: dict[str, Any] = json.loads(self.run("outputs", "--json"))
        return found

    def state(self) -> dict[str, Any]:
        """The stack's state file as it lies on the disk: secrets are encrypted in it."""
        file = self.clone.path / ".stages/state/.pulumi/stacks/stages" / f"{self.name}.json"
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the state file."""
        found: list[dict[str, Any]] = self.state()["checkpoint"]["latest"].get("resources") or []
        return found

    def exported(self) -> dict[str, Any]:
        """The state as the Pulumi CLI exports it, secrets decrypted."""
        command = f". .stages/env; pulumi stack export --show-secrets --stack {self.name}"
        said = subprocess.run(
            ["bash", "-c", command], cwd=self.clone.path, capture_output=True, text=True, check=True
        )
        found: dict[str, Any] = json.loads(said.stdout)
        return found

    def resource(self, kind: str) -> dict[str, Any]:
        """The one resource whose type ends in ``kind``."""
        (found,) = [one for one in self.resources() if one["type"].endswith(f":{kind}")]
        return found

    def rested(self) -> bool:
        """Whether the web processes of the last change are there, and the spare is gone."""
        said = self.run("ssh", "--", "sudo", "cat", "/run/stages/web/open.json")
        return "8001" in said and "8000" not in said

    def get(self, path: str = "/proof.json") -> Any:
        """Ask the app at the stack's URL; JSON where it answers with it."""
        return fetch(self.outputs()["url"] + path)


def fetch(url: str, data: dict[str, object] | None = None) -> Any:
    """Ask one URL, past any proxy; return the answer as data or text. Errors raise."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    body = None if data is None else json.dumps(data).encode()
    with opener.open(urllib.request.Request(url, body), timeout=20) as answer:
        text = answer.read().decode()
    return json.loads(text) if "json" in answer.headers["Content-Type"] else text
