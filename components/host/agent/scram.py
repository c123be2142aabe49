"""A password as PostgreSQL stores it, so that no statement, and so no log, holds the password."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode

ROUNDS = 4096
"""PostgreSQL's own ``scram_iterations``."""


def verifier(password: str) -> str:
    """What ``ALTER ROLE ... PASSWORD`` takes in place of the password; always the same one.

    Its salt is derived from the password: use it for generated passwords only.
    """
    key = password.encode()
    salt = hmac.digest(key, b"salt", "sha256")[:16]
    salted = hashlib.pbkdf2_hmac("sha256", key, salt, ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [b64encode(part).decode() for part in (salt, stored, server)]
    return "SCRAM-SHA-256${}:{}${}:{}".format(ROUNDS, *encoded)
