"""A fresh clone of this checkout in a temporary folder, with stacks of its own.

Only what is committed is in it. It uses this checkout's Python packages, unless it is to have none;
state, passphrase, and the bootstrap's notes are its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks import here
from components.clouds.local.account import operations
from components.errors import MissingRequirement, StepFailed, UserError

TIMEOUT_S = 1800
"""An ``up`` that takes this long hangs; the first may build the Pulumi CLI and the host image."""
APP = {
    "cloud": "local",
    "app.repository": ".",
    "app.directory": "examples/django",
}
"""The sample app, as the stacks of this project have it."""
EMPTY = '''"""A program that declares nothing: what is left is the price of the way there."""


def program() -> None:
    """Declare nothing."""
'''


@dataclass(frozen=True)
class Clone:
    """A checkout and its commands."""

    path: Path

    def configure(self, stack: str, **settings: object) -> None:
        """Write the stack's settings file; ``__`` in a key is a dot."""
        values = {**APP, **{key.replace("__", "."): value for key, value in settings.items()}}
        text = yaml.safe_dump({"config": {f"stages:{key}": value for key, value in values.items()}})
        (self.path / "stacks" / f"Pulumi.{stack}.yaml").write_text(text)

    def make(self, target: str, stack: str, *more: str) -> list[tuple[float, str]]:
        """Run ``make <target>``; return its lines, each with the seconds since the start.

        The last line is the end itself. Raises ``UserError`` with what was said when it fails.
        Stopped by an interrupt, it first lets the command come to its end in its own way.
        """
        argv = ["make", "--no-print-directory", target, f"STACK={stack}", *more]
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
        assert process.stdout is not None  # noqa: S101
        try:
            for line in process.stdout:
                lines.append((time.monotonic() - began, line.rstrip("\n")))
                if lines[-1][0] > TIMEOUT_S:
                    raise StepFailed(f"{' '.join(argv[2:4])}: not within {TIMEOUT_S} s")
            code = process.wait(TIMEOUT_S)
        except BaseException:
            _stop(process)
            raise
        lines.append((time.monotonic() - began, ""))
        if code != 0:
            output = "\n".join(line for _, line in lines[-15:])
            raise StepFailed(f"{' '.join(argv[2:4])} failed:\n{output}")
        return lines

    def seconds(self, target: str, stack: str) -> float:
        """How long ``make <target>`` takes."""
        return self.make(target, stack)[-1][0]

    def take_away(self, stack: str) -> None:
        """Take the stack down with its data, by force if need be; nothing of it may be left.

        Raises ``UserError`` with what is left on this machine.
        """
        try:
            self.make("down", stack)
            self.make("delete-data", stack, f"CONFIRM={stack}")
        except UserError as error:
            print(f"{error}\nTaking {stack} away by force.", file=sys.stderr)
            operations.delete_data(stack)
        if leftovers := operations.leftovers(stack):
            raise StepFailed(f"{stack}: nothing should be left, got {'; '.join(leftovers)}")


def clone(folder: Path, *, empty: bool = False, packages: bool = True) -> Clone:
    """Clone this checkout; ``empty`` puts a program that declares nothing into it, and without
    ``packages`` it has no Python environment yet."""
    subprocess.run(["git", "clone", "--quiet", str(here.ROOT), str(folder)], check=True)
    if packages:
        _lend_packages(folder)
    if empty:
        (folder / "components" / "program.py").write_text(EMPTY)
    if not shutil.which("make"):
        raise MissingRequirement("This machine lacks make", "Install it.")
    return Clone(folder)


def _lend_packages(folder: Path) -> None:
    # A folder of its own: the bootstrap notes in it for which checkout it was made ready.
    own = folder / ".venv"
    own.mkdir()
    for name in ("bin", "include", "lib", "lib64", "pyvenv.cfg"):
        if (Path(sys.prefix) / name).exists():
            (own / name).symlink_to(Path(sys.prefix) / name)


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


def _environment() -> dict[str, str]:
    """The shell's environment without any settings of Pulumi or Python, or of the outer make."""
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PULUMI_", "MAKE", "MFLAGS")) and key != "PYTHONPATH"
    }
