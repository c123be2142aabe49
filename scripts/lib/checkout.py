"""What this checkout keeps for itself, in its ignored folder ``.stages``: state, passphrase, paths.

``make`` and plain ``pulumi`` share all of it: the commands pass the environment on, and
``.stages/env`` holds the same values for a shell.
"""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components import atomic_write, git
from components.errors import MissingRequirement, UserError
from scripts.lib import salt, state_file

BACKEND = "PULUMI_BACKEND_URL"


@dataclass(frozen=True)
class Checkout:
    """Paths of one clone."""

    root: Path

    @property
    def own(self) -> Path:
        return self.root / ".stages"

    @property
    def state(self) -> Path:
        return self.own / "state"

    @property
    def passphrase(self) -> Path:
        return self.own / "passphrase"

    @property
    def providers(self) -> Path:
        """One file for each running provider of dynamic resources, named by its process id."""
        return self.own / "providers"

    @property
    def python(self) -> Path:
        return self.root / ".venv" / "bin" / "python"

    @property
    def project(self) -> str:
        """The Pulumi project's name: a part of every state path."""
        return str(yaml.safe_load((self.root / "Pulumi.yaml").read_text())["name"])

    @property
    def cli(self) -> Path:
        """The folder with the CLI that the bootstrap found."""
        try:
            return Path((self.own / "cli").read_text().split("\n")[0])
        except OSError:
            raise MissingRequirement(
                "The Pulumi CLI: should have been found by the bootstrap, got no note of it",
                "Run scripts/bootstrap.py.",
            ) from None

    def settings_file(self, stack: str) -> Path:
        return self.root / "stacks" / f"Pulumi.{stack}.yaml"

    def state_file(self, stack: str) -> Path:
        return self.state / ".pulumi" / "stacks" / self.project / f"{stack}.json"

    def latest_state(self, stack: str) -> Mapping[str, Any]:
        """What the engine last wrote of a stack, as it lies on the disk; empty for a new stack.

        Raises ``UserError`` for what is no state, or one of an engine that is not ours.
        """
        file = self.state_file(stack)
        if not file.exists():
            return {}
        return state_file.latest(file.read_text(errors="replace"), str(file), stack)

    def lock_folder(self, stack: str) -> Path:
        return self.state / ".pulumi" / "locks" / "organization" / self.project / stack

    @property
    def backend(self) -> str:
        return f"file://{self.state}"

    def keeps_its_state(self, environment: Mapping[str, str]) -> bool:
        """Whether the state is this checkout's own file backend, and no other one was asked for."""
        return (environment.get(BACKEND) or self.backend) == self.backend


def engine_environment(checkout: Checkout, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the engine needs, for the commands and for a shell alike.

    A backend of the user's own choice is left alone, with its passphrase.
    """
    path = [str(checkout.root / "tools" / "bin"), str(checkout.cli)]
    path += [str(checkout.python.parent)]
    inherited_path = [part for part in inherited.get("PATH", "").split(":") if part not in path]
    wanted = {
        "PATH": ":".join([*path, *inherited_path]),
        "PYTHONPATH": str(checkout.root),
        "PULUMI_PYTHON_CMD": str(checkout.python),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # Finds the salt again when someone restored the settings file with git, and what encrypts
        # a state that is kept elsewhere.
        "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
    }
    if checkout.keeps_its_state(inherited):
        wanted |= {
            BACKEND: checkout.backend,
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(checkout.passphrase),
        }
    return wanted


def env_file(wanted: Mapping[str, str]) -> str:
    """Return the text of ``.stages/env``."""
    own = wanted["PATH"].split(":")[:3]
    lines = [f"export {key}={shlex.quote(value)}" for key, value in wanted.items() if key != "PATH"]
    return "\n".join(
        [
            "# For plain `pulumi` on this checkout's stacks: `. .stages/env`. Made by `make`.",
            "unset PULUMI_CONFIG_PASSPHRASE",
            *lines,
            f'export PATH={shlex.quote(":".join(own))}:"$PATH"',
            "",
        ]
    )


def prepare(checkout: Checkout, inherited: Mapping[str, str]) -> dict[str, str]:
    """Make what is missing in ``.stages``; return the whole environment for the engine.

    Raises ``UserError`` when there is a state whose passphrase is gone: no new one reads it.
    """
    checkout.own.mkdir(exist_ok=True)
    checkout.own.chmod(0o700)  # state, passphrase, and logs of the app's builds
    checkout.providers.mkdir(exist_ok=True)
    wanted = engine_environment(checkout, inherited)
    environment = {**inherited, **wanted}
    if not environment.get("PULUMI_CONFIG_PASSPHRASE"):
        # A workflow's secret that is not set is empty, and the engine would encrypt with that.
        environment.pop("PULUMI_CONFIG_PASSPHRASE", None)
    if checkout.keeps_its_state(inherited):
        environment.pop("PULUMI_CONFIG_PASSPHRASE", None)
        checkout.state.mkdir(exist_ok=True)
        _ensure_passphrase(checkout)
    text = env_file(wanted)
    file = checkout.own / "env"
    if not file.exists() or file.read_text() != text:
        atomic_write.write(file, text)
    return environment


def _ensure_passphrase(checkout: Checkout) -> None:
    """Make the passphrase once; never over an existing one, never beside an existing state."""
    if checkout.passphrase.exists() and checkout.passphrase.stat().st_size:
        return
    if any((checkout.state / ".pulumi" / "stacks").glob("*/*.json")):
        raise UserError(
            ".stages/passphrase: should hold the passphrase of the state in .stages/state, "
            "got no such file",
            "Put it back from where you keep it; without it the secrets in that state are lost. "
            "To begin anew, move .stages/state away.",
        )
    checkout.passphrase.unlink(missing_ok=True)
    handle = os.open(checkout.passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")


def place_salt(checkout: Checkout, stack: str) -> None:
    """Put the salt of the stack's state into its settings file, where git does not see it."""
    wanted = salt.salt_in_state(checkout.latest_state(stack))
    file = checkout.settings_file(stack)
    text = file.read_text()
    note = checkout.own / "salt" / file.relative_to(checkout.root)
    noted = note.read_text() if note.exists() else ""
    if not wanted or (salt.salt_of(text) == wanted and noted == salt.salt_line(wanted)):
        return
    note.parent.mkdir(parents=True, exist_ok=True)
    atomic_write.write(note, salt.salt_line(wanted))
    hidden = _filter_in_git(checkout, file)
    atomic_write.write(file, salt.with_salt(text, wanted))
    # Git takes a file of another size for changed without looking: let it look once. A file with
    # changes of the user's own is left as it is: it is changed.
    if hidden and _git(checkout, "diff", "--numstat", "--", str(file)) == []:
        _git(checkout, "update-index", "--", str(file))


def _filter_in_git(checkout: Checkout, file: Path) -> bool:
    """Set the filters in this clone's git; say whether there is a git that knows the file."""
    top = _git(checkout, "rev-parse", "--show-toplevel", "--git-path", "info/attributes")
    # The smudge filter finds the salt from the top of the working tree only.
    if not top or len(top) != 2 or Path(top[0]) != checkout.root:
        return False
    _git(checkout, "config", f"filter.{salt.FILTER}.clean", salt.CLEAN)
    _git(checkout, "config", f"filter.{salt.FILTER}.smudge", salt.SMUDGE)
    attributes = checkout.root / top[1]
    attributes.parent.mkdir(parents=True, exist_ok=True)
    old = attributes.read_text() if attributes.exists() else ""
    path = file.relative_to(checkout.root).as_posix()
    atomic_write.write(attributes, salt.with_attribute(old, path))
    return bool(_git(checkout, "ls-files", "--", str(file)))


def _git(checkout: Checkout, *arguments: str) -> list[str] | None:
    """Return the lines that git prints; ``None`` if it is missing or refuses."""
    text = git.output(checkout.root, *arguments)
    return None if text is None else text.splitlines()
