"""A checkout for the tests of the commands: the real scripts and engine, a program of a few files.

It is a git repository of its own with everything committed, and shares the virtual environment and
the CLI of the checkout under test.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("engine_program")
STACK = "local-stage1"
SETTINGS = """\
# Stage 1 on this machine.
config:
  # Which cloud.
  stages:cloud: local

  stages:stage: 1
  stages:app.repository: .
"""


NOBODY = "http://127.0.0.1:9/"
"""Where nothing listens."""


class _Welcome(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@cache
def site() -> str:
    """The URL of a site that answers, for as long as the tests run: the program's, unless asked
    otherwise. An ``up`` whose site does not answer has failed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Welcome)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class TestCheckout:
    """One clone, and the folder in which its program makes files."""

    __test__ = False

    root: Path
    folder: Path

    def ask(self, notes: dict[str, str], **more: Any) -> None:
        """Say what the program should declare: a file for each note."""
        asked = {"folder": str(self.folder), "notes": notes, "url": site(), **more}
        (self.root / ".stages" / "program.json").write_text(json.dumps(asked))

    def stack(self, *arguments: str, stack: str = STACK) -> Done:
        """Run a verb of ./stages to its end."""
        process = self.start(*arguments, stack=stack)
        out, err = process.communicate(timeout=180)
        return Done(process.returncode, out, err)

    def start(self, *arguments: str, stack: str = STACK) -> subprocess.Popen[str]:
        """Start a verb of ./stages, in a session of its own."""
        argv = [str(self.root / ".venv/bin/python"), "-m", "scripts"]
        return subprocess.Popen(
            [*argv, arguments[0], "--stack", stack, *arguments[1:]],
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def module(self, name: str, *arguments: str) -> Done:
        """Run one of the other commands to its end."""
        return self._run([str(self.root / ".venv/bin/python"), "-m", name, *arguments])

    def environment(self) -> dict[str, str]:
        """Return the shell's environment without any Pulumi settings in it."""
        return {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("PULUMI_") and key != "PYTHONPATH"
        }

    def shell(self, command: str) -> Done:
        """Run a command with ``.stages/env`` sourced, as the README says for plain ``pulumi``."""
        return self._run(["bash", "-c", f". .stages/env; {command}"])

    def _run(self, argv: list[str]) -> Done:
        done = subprocess.run(
            argv,
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def git(self, *arguments: str) -> str:
        argv = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        done = subprocess.run(argv, cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout

    def locks(self) -> list[Path]:
        folder = self.root / f".stages/state/.pulumi/locks/organization/stages/{STACK}"
        return sorted(folder.glob("*.json"))

    def cli_pid(self) -> int:
        """Return the process id of the engine that holds the lock."""
        return int(json.loads(self.locks()[0].read_text())["pid"])

    def providers(self) -> list[int]:
        """Return the provider processes of this checkout that are alive."""
        notes = (self.root / ".stages" / "providers").glob("*")
        return [int(note.name) for note in notes if alive(int(note.name))]

    def state(self) -> Path:
        return self.root / f".stages/state/.pulumi/stacks/stages/{STACK}.json"

    def settings(self) -> Path:
        return self.root / "stacks" / f"Pulumi.{STACK}.yaml"


def make_checkout(base: Path) -> TestCheckout:
    """Make a clone below ``base`` with everything committed."""
    root = base / "checkout"
    keep = shutil.ignore_patterns("__pycache__", "clouds", "stages", "program.py")
    shutil.copytree(ROOT / "components", root / "components", ignore=keep)
    clouds = root / "components" / "clouds"
    no_cache = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "components/clouds/local", clouds / "local", ignore=no_cache)
    shutil.copy(ROOT / "components/clouds/__init__.py", clouds)
    for name in ("planning", "scripts", "tools"):
        shutil.copytree(ROOT / name, root / name, ignore=no_cache)
    own = root / PROGRAM.relative_to(ROOT)
    shutil.copytree(PROGRAM, own, ignore=no_cache)
    for name in ("program.py", "clouds/local/account/operations.py"):
        shutil.copy(own / Path(name).name, root / "components" / name)
    for name in (
        "Pulumi.yaml",
        "__main__.py",
        "Makefile",
        "stages",
        ".gitignore",
        "requirements.txt",
    ):
        shutil.copy(ROOT / name, root / name)
    (root / "stacks").mkdir()
    checkout = TestCheckout(root, base / "notes")
    checkout.folder.mkdir()
    for stage in (1, 2):
        text = SETTINGS.replace("stage: 1", f"stage: {stage}").replace("Stage 1", f"Stage {stage}")
        (root / "stacks" / f"Pulumi.local-stage{stage}.yaml").write_text(text)
    (root / ".venv").symlink_to(Path(sys.prefix))
    (root / ".gitignore").write_text((ROOT / ".gitignore").read_text() + "/.venv\n")
    (root / ".stages").mkdir()
    shutil.copy(ROOT / ".stages" / "cli", root / ".stages" / "cli")
    checkout.git("init", "--quiet")
    checkout.git("add", "--all")
    checkout.git("commit", "--quiet", "--message", "everything")
    return checkout


def alive(pid: int) -> bool:
    """Whether a process is there and not a corpse."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_for(condition: Callable[[], object], what: str, timeout_s: float = 60) -> None:
    """Wait until a condition holds."""
    until = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.02)


def kill(pid: int) -> None:
    """End a process the hard way."""
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid), f"the end of process {pid}")
