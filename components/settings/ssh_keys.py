"""The key that holds public SSH keys. A private one pasted by mistake is never repeated."""

from __future__ import annotations

import base64
from typing import Final

from components.settings.kinds import ListOf, Single
from components.settings.problems import Refused, is_private_key
from components.settings.text import line

TYPES: Final = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
"""What OpenSSH of Debian 13 accepts; it no longer knows ``ssh-dss``."""

SHORTEST: Final = 51
"""Bytes of an Ed25519 public key with its type: the shortest of all types."""


def _public_key(value: object) -> str:
    if is_private_key(value):
        raise Refused(
            remedy="Give the line of the .pub file beside it and take the private key out of this"
            " file; if anyone else can have read it, make a new pair."
        )
    text = line(value)
    kind, _, rest = text.partition(" ")
    blob = base64.b64decode(rest.split(" ", 1)[0], validate=True)
    if kind not in TYPES or len(blob) < SHORTEST:
        raise ValueError
    if blob[: 4 + len(kind)] != len(kind).to_bytes(4, "big") + kind.encode():
        raise ValueError
    return text


SSH_KEYS = ListOf(
    of=Single(
        allowed="a public SSH key",
        convert=_public_key,
        remedy="Give the one line of a .pub file: `ssh-ed25519 AAAA... you@laptop`.",
        hidden=True,
    ),
    allowed="a list of public SSH keys",
    remedy="For example ['ssh-ed25519 AAAA... you@laptop'].",
)
