"""The first step of every command: what the machine lacks, .venv, the Pulumi CLI.

    python3 scripts/bootstrap.py [--stack NAME] [--packages FILE] [--dev] [--no-engine]

Says nothing when nothing is to be done, and needs no network then. Standard library only, as it
runs before there is a virtual environment. Exit codes: 0 done, 1 a step failed, 2 a lack of the
machine, told in one sentence.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

if sys.version_info < (3, 11):  # noqa: UP036 (whatever python3 is on PATH runs this)
    sys.exit(
        f"Python: should be 3.11 or newer, got {sys.version.split()[0]} at {sys.executable}. "
        "Install one, or name it: PYTHON=python3.13 ./stages ..."
    )

from components.errors import MissingRequirement, StepFailed, UserError  # noqa: E402
from scripts.lib import machine, pins  # noqa: E402
from scripts.lib.execute import (  # noqa: E402
    answer,
    describe_os_error,
    duration,
    last_words,
    run_logged,
    say,
)

LOGS = ROOT / ".stages" / "logs"


def main(arguments: list[str]) -> int:
    """Bring the checkout to where the commands can run."""
    named = dict(zip(arguments, [*arguments[1:], ""], strict=False))  # `STACK=` names none
    stack = named.get("--stack", "")
    try:
        # Before the first log goes there: it will hold the passphrase of the state.
        (ROOT / ".stages").mkdir(mode=0o700, exist_ok=True)
        _machine(stack)
        _programs(Path(named["--packages"]) if "--packages" in named else None)
        _environment(dev="--dev" in arguments)
        if "--no-engine" not in arguments:
            _engine()
    except UserError as stop:
        print(stop, file=sys.stderr)
        return stop.exit_code
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if not (problem := describe_os_error(error)):
            raise
        print(problem, file=sys.stderr)
        return 2
    return 0


def make_ready(stack: str) -> None:
    """Get what a stack needs beyond ``.venv``: its cloud's packages and the engine."""
    _machine(stack)
    _engine()


def _machine(stack: str) -> None:
    """Install the packages that the stack's cloud asks of this machine."""
    file = ROOT / "stacks" / f"Pulumi.{stack}.yaml"
    if not stack or not file.exists():
        return  # an unknown stack is told by the command itself, with those that exist
    wanted = ROOT / "components" / "clouds" / machine.cloud_of(file.read_text(errors="replace"))
    _programs(wanted / machine.PACKAGES_FILE)


def _programs(file: Path | None) -> None:
    """Install what the file lists and this machine lacks."""
    if file is None or not file.exists() or platform.system() != "Linux":
        return  # elsewhere no package helps: the cloud's own first look says so
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    packages = machine.parse_packages(file.read_text())
    missing = [item for item in packages if not machine.is_there(item.program, path)]
    if missing:
        _install(missing)


def _install(missing: list[machine.MachinePackage]) -> None:
    names = list(dict.fromkeys(item.package for item in missing))
    words = machine.missing_sentence(missing)
    command = machine.install_command(names)
    if not shutil.which("apt-get"):
        raise MissingRequirement(
            f"This machine lacks {words}, and has no apt-get: install them its own way."
        )
    if os.geteuid() != 0:
        raise MissingRequirement(
            f"This machine lacks {words}. Install them: sudo {' '.join(command)}"
        )
    log = LOGS / "apt.log"
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    started = time.monotonic()
    what = f"Installing what this machine lacks: {words}"
    # A fresh machine has no package lists, an older one has stale ones: refresh, then install.
    update = ["sh", "-c", f"apt-get update; exec {' '.join(command)}"]
    if run_logged(update, what, log, env=env) != 0:
        raise StepFailed(
            f"This machine lacks {words}, and installing failed ({last_words(log)}). "
            f"The output is in {log}.",
        )
    say(f"Installed in {duration(time.monotonic() - started)}.")


def _environment(*, dev: bool) -> None:
    """Make ``.venv``, or bring it up to date when a requirements file changed."""
    venv = ROOT / ".venv"
    files = ["requirements.txt", *(["requirements-dev.txt"] if dev else [])]
    marks = [_mark(name) for name in files]
    python = venv / "bin" / "python"
    stale = [name for name, mark in zip(files, marks, strict=True) if not _fresh(name, mark)]
    if python.exists() and not stale:
        return
    if not python.exists() or answer([str(python), "-c", "import sys; print(sys.prefix)"]) != (
        f"{venv}\n"
    ):
        _make_venv(venv)
        stale = files
    log = LOGS / "pip.log"
    started = time.monotonic()
    arguments = [word for name in stale for word in ("-r", str(ROOT / name))]
    code = run_logged(
        [str(python), "-m", "pip", "install", "--require-hashes", "--quiet", *arguments],
        f"Python packages: installing {' and '.join(stale)} into .venv",
        log,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    if code != 0:
        raise StepFailed(
            f"Python packages: pip failed ({last_words(log)}). Its output is in {log}."
        )
    for name, mark in zip(files, marks, strict=True):
        (venv / f".{name}").write_text(mark)
    say(f"Python packages: installed in {duration(time.monotonic() - started)}.")


def _mark(name: str) -> str:
    return pins.fingerprint(
        (ROOT / name).read_text(), f"{sys.version_info[0]}.{sys.version_info[1]}", str(ROOT)
    )


def _fresh(name: str, mark: str) -> bool:
    marker = ROOT / ".venv" / f".{name}"
    return marker.exists() and marker.read_text() == mark


def _make_venv(venv: Path) -> None:
    """Make a new environment; on Debian its own package may have to be installed first."""
    if not answer([sys.executable, "-c", "import ensurepip, venv; print('there')"]):
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        _install(
            [machine.MachinePackage("ensurepip", f"python{version}-venv", "makes the .venv folder")]
        )
    shutil.rmtree(venv, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        problem = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise StepFailed(f"Python packages: .venv could not be made ({problem[0]}).")


def _engine() -> None:
    """Find the pinned CLI and note where it is, for the commands."""
    from scripts.lib import pulumi_cli  # late: it takes longer than all the rest

    version = pins.pinned_version((ROOT / "requirements.txt").read_text(), "pulumi")
    note = ROOT / ".stages" / "cli"
    noted = note.read_text().split("\n") if note.exists() else []
    # Path, size and time stand for the version that was seen: asking it again takes 0.2 s.
    if len(noted) == 2 and noted[1] == _seen(Path(noted[0]), version):
        return
    folder = pulumi_cli.find(version, ROOT)
    note.parent.mkdir(exist_ok=True)
    note.parent.chmod(0o700)  # the state's passphrase is in it
    note.write_text(f"{folder}\n{_seen(folder, version)}")


def _seen(folder: Path, version: str) -> str:
    try:
        stat = (folder / "pulumi").stat()
    except OSError:
        return "missing"
    return f"{version} {stat.st_size} {stat.st_mtime_ns}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
