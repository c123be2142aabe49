"""A fresh clone of this checkout with stacks of its own, driven as a user drives it.

Only what is committed is in it. It uses this checkout's Python packages, unless it is to have none;
state, passphrase, stacks and the bootstrap's notes are its own. Tests and benchmarks share it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.clouds.local.account import operations
from components.clouds.local.hosts import inventory
from components.clouds.local.hosts.nspawn import Host
from components.errors import MissingRequirement, StepFailed, UserError

ROOT = Path(__file__).resolve().parents[2]
RUN_TIMEOUT_S, MAKE_TIMEOUT_S = 600, 1800
"""A command that takes this long hangs. The first ``make`` may build the Pulumi CLI and the host
image."""
SAMPLE: dict[str, object] = {
    "cloud": "local",
    "app.repository": ".",
    "app.directory": "examples/django",
}
"""The sample app, as the stacks of this project have it."""
EMPTY = '''"""A program that declares nothing: what is left is the price of the way there."""


def program() -> None:
    """Declare nothing."""
'''


def clone(
    folder: Path, *, quick: bool = False, empty: bool = False, packages: bool = True
) -> Clone:
    """Clone this checkout; the stacks of a ``quick`` one are for tests.

    ``empty`` puts a program that declares nothing into it. Without ``packages`` it has no Python
    environment yet, and is not made ready.
    """
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    if empty:
        (folder / "components" / "program.py").write_text(EMPTY)
    if not shutil.which("make"):
        raise MissingRequirement("This machine lacks make", "Install it.")
    if packages:
        _lend_packages(folder)
        subprocess.run([sys.executable, "scripts/bootstrap.py", "--dev"], cwd=folder, check=True)
    return Clone(folder, quick)


def _lend_packages(folder: Path) -> None:
    # A folder of its own: the bootstrap notes in it for which checkout it was made ready.
    own = folder / ".venv"
    own.mkdir()
    for name in ("bin", "include", "lib", "lib64", "pyvenv.cfg"):
        if (Path(sys.prefix) / name).exists():
            (own / name).symlink_to(Path(sys.prefix) / name)


def _environment() -> dict[str, str]:
    """The shell's environment without any settings of Pulumi or Python, or of the outer make."""
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PULUMI_", "MAKE", "MFLAGS")) and key != "PYTHONPATH"
    }


@dataclass(frozen=True)
class Clone:
    """A checkout and its commands."""

    path: Path
    quick: bool = False
    """Its workers settle within a second, and it has no backups, which have tests of their own:
    their bucket is one more host to wait for."""

    def run(self, *arguments: str, code: int = 0, nice: int = 0) -> str:
        """Run ``./stages``, expect its exit code, and return what it printed."""
        done = subprocess.run(
            ["nice", "-n", str(nice), sys.executable, "-m", "scripts", *arguments],
            cwd=self.path,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=RUN_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == code, done.stdout
        # Ours begins a line; one of the app's stands in a line of its log.
        assert not re.search(r"^Traceback", done.stdout, re.MULTILINE), done.stdout
        return done.stdout

    def make(self, target: str, *words: str) -> list[tuple[float, str]]:
        """Run ``make <target>``; return its lines, each with the seconds since the start.

        The last line is the end itself. Raises ``UserError`` with what was said when it fails.
        Stopped by an interrupt, it first lets the command come to its end in its own way.
        """
        argv = ["make", "--no-print-directory", target, *words]
        began = time.monotonic()
        lines: list[tuple[float, str]] = []
        process = subprocess.Popen(
            [*argv, f"PYTHON={sys.executable}"],
            cwd=self.path,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # an interrupt reaches it from here, once
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append((time.monotonic() - began, line.rstrip("\n")))
                if lines[-1][0] > MAKE_TIMEOUT_S:
                    raise StepFailed(f"{' '.join(argv[2:4])}: not within {MAKE_TIMEOUT_S} s")
            code = process.wait(MAKE_TIMEOUT_S)
        except BaseException:
            _stop(process)
            raise
        lines.append((time.monotonic() - began, ""))
        if code != 0:
            last = "\n".join(line for _, line in lines[-15:])
            raise StepFailed(f"{' '.join(argv[2:4])} failed:\n{last}")
        return lines

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
        sample = dict(SAMPLE)
        if self.clone.quick:
            sample["app.worker_settle_s"] = 1
            sample["backups.off"] = True
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

    def backup(self, verb: str, *words: str, nice: int = 0) -> str:
        """Run a verb of ``./stages backup`` on this stack."""
        return self.clone.run("backup", verb, "--stack", self.name, *words, nice=nice)

    def make(self, target: str, *words: str) -> list[tuple[float, str]]:
        """Run ``make <target>`` on this stack; return its lines with their seconds."""
        return self.clone.make(target, f"STACK={self.name}", *words)

    def seconds(self, target: str) -> float:
        """How long ``make <target>`` takes."""
        return self.make(target)[-1][0]

    def take_away(self) -> None:
        """Take the stack down with its data, by force if need be; nothing of it may be left.

        Raises ``UserError`` with what is left on this machine.
        """
        try:
            self.make("down")
            self.make("delete-data", f"CONFIRM={self.name}", "WITH_BACKUPS=1")
        except UserError as error:
            print(f"{error}\nTaking {self.name} away by force.", file=sys.stderr)
            operations.delete_data(self.name)
        if leftovers := operations.leftovers(self.name):
            raise StepFailed(f"{self.name}: nothing should be left, got {'; '.join(leftovers)}")

    def up(self, **changes: object) -> str:
        """Change settings and bring the stack up."""
        self.configure(**changes)
        return self.run("up")

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, by name."""
        outputs: dict[str, Any] = json.loads(self.run("outputs", "--json"))
        return outputs

    def state(self) -> dict[str, Any]:
        """The stack's state file as it lies on the disk: secrets are encrypted in it."""
        file = self.clone.path / ".stages/state/.pulumi/stacks/stages" / f"{self.name}.json"
        state: dict[str, Any] = json.loads(file.read_text())
        return state

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the state file."""
        resources: list[dict[str, Any]] = (
            self.state()["checkpoint"]["latest"].get("resources") or []
        )
        return resources

    def exported(self) -> dict[str, Any]:
        """The state as the Pulumi CLI exports it, secrets decrypted."""
        command = f". .stages/env; pulumi stack export --show-secrets --stack {self.name}"
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.clone.path, capture_output=True, text=True, check=True
        )
        exported: dict[str, Any] = json.loads(done.stdout)
        return exported

    def resource(self, kind: str) -> dict[str, Any]:
        """The one resource whose type ends in ``kind``."""
        (resource,) = [known for known in self.resources() if known["type"].endswith(f":{kind}")]
        return resource

    def rested(self) -> bool:
        """Whether the web processes of the last change are there, and the spare is gone."""
        ports = self.app_server().run(["cat", "/run/stages/web/open.json"]).stdout
        return "8001" in ports and "8000" not in ports

    def app_server(self) -> Host:
        """The host that the app runs on; one that replaced another has more behind its name."""
        (host,) = [
            host
            for host in inventory.every(self.name)
            if host.folder.name.startswith(f"{self.name}-app")
        ]
        return host

    def get(self, path: str = "/proof.json") -> Any:
        """Ask the app at the stack's URL; JSON where it answers with it."""
        return fetch(self.outputs()["url"] + path)


def _stop(process: subprocess.Popen[str]) -> None:
    """Ask the command to stop, as Ctrl-C does; kill it when it does not."""
    for number, patience_s in ((signal.SIGINT, 120), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.communicate(timeout=patience_s)
        except subprocess.TimeoutExpired:
            continue
        return


def fetch(url: str, data: dict[str, object] | None = None) -> Any:
    """Ask one URL, past any proxy; return the answer as data or text. Errors raise."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url)
    if data is not None:
        request.data = json.dumps(data).encode()
        request.add_header("Content-Type", "application/json")
    with opener.open(request, timeout=20) as answer:
        text = answer.read().decode()
    return json.loads(text) if "json" in answer.headers["Content-Type"] else text
