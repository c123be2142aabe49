"""Labels and fingerprints: how the stack's things are recognised in an account.

DigitalOcean's tags are account-wide words without values. On a cloud firewall, a database's
firewall or an alert a tag is no label but says which Droplets are meant: never label those.
"""

from __future__ import annotations

import base64
import hashlib

from components.settings import Settings

PROJECT = "stages"
LABELS = (f"project:{PROJECT}", "stage:1", "stage:2")
"""Label tags that the project's stacks share in an account."""


def labels(settings: Settings) -> list[str]:
    """Tags of everything that can carry a label: project, stack, stage."""
    project, *stages = LABELS
    return [project, stack_label(settings.stack), stages[settings.stage - 1]]


def stack_label(stack: str) -> str:
    """The tag by which everything of one stack is found."""
    return f"stack:{stack}"


def fingerprint(public_key: str) -> str:
    """The MD5 fingerprint by which an account knows a public SSH key: ``aa:bb:...``."""
    blob = base64.b64decode(public_key.split()[1])
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
