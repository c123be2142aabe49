"""A state that the user keeps elsewhere: a bucket, or Pulumi's service."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

from pulumi.automation.errors import ConcurrentUpdateError, StackNotFoundError

from components.errors import StackBusy, UserError
from scripts.lib.engine import Engine

PROVIDER: Final = "STAGES_SECRETS_PROVIDER"
"""Environment variable: what encrypts the secrets of a stack that is made there, as ``pulumi stack
init --secrets-provider`` takes it (``awskms://alias/...``). Without it, a passphrase does."""
MADE_BY: Final = re.compile(r"created by (?P<user>[^\s@]+@\S+) \(pid (?P<pid>\d+)\) at (?P<at>\S+)")
"""What the engine says of a lock in a bucket; Pulumi's service does not say who holds it."""


def is_known(engine: Engine) -> bool:
    """Whether the stack is in the state; only reads it."""
    return pending(engine) is not None


def pending(engine: Engine) -> int | None:
    """How many operations a killed run began there and never recorded the end of.

    ``None`` for a stack that is not in the state. Only reads it.
    """
    try:
        return len(engine.deployment().get("pending_operations") or [])
    except StackNotFoundError:
        return None


def make(engine: Engine, root: Path, stack: str, provider: str) -> None:
    """Make the stack in the state.

    Done in a folder of its own: made in the checkout, the engine would rewrite the settings file.
    What it would write there (a salt, a key's name) is in the state as well, and is read from there
    (``PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER``).
    """
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(root / "Pulumi.yaml", scratch)
        chosen = ["--secrets-provider", provider] if provider else []
        engine.command.run(["stack", "init", stack, "--no-select", *chosen], scratch, {})


def locked(stack: str, error: ConcurrentUpdateError) -> UserError:
    """The error for a lock there, with who made it; whether that run is alive is not known here."""
    holder = MADE_BY.search(str(error))
    by = f" by process {holder['pid']} of {holder['user']} since {holder['at']}" if holder else ""
    return StackBusy(
        f"Stack {stack} is locked in its state{by}: another run is changing it, or one was killed",
        f"When none runs any more: `. .stages/env; pulumi cancel --yes --stack {stack}`, "
        "then run the command again.",
    )
