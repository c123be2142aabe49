"""Labels and fingerprints: how the stack's things are recognised in an account.

DigitalOcean's tags are account-wide words without values. On a cloud firewall, a database's
firewall or an alert a tag is no label but says which Droplets are meant: never label those.
"""

from __future__ import annotations

import base64
import hashlib

from components.settings import Settings

PROJECT = "stages"


def labels(settings: Settings) -> list[str]:
    """Tags of everything that can carry a label: project, stack, stage."""
    return [f"project:{PROJECT}", stack_label(settings.stack), f"stage:{settings.stage}"]


def stack_label(stack: str) -> str:
    """The tag by which everything of one stack is found."""
    return f"stack:{stack}"


def fingerprint(public_key: str) -> str:
    """The MD5 fingerprint by which an account knows a public SSH key: ``aa:bb:...``."""
    blob = base64.b64decode(public_key.split()[1])
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
