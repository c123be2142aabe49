"""Authorities that this machine's administrator added, which its hosts trust as well."""

from __future__ import annotations

import os
import re
from pathlib import Path

from components.settings.certificates import BLOCK, authority

FOLDER = "/usr/local/share/ca-certificates"
"""Where Debian and Ubuntu keep them (update-ca-certificates(8))."""


def trusted_here() -> tuple[str, ...]:
    """Return the certificates in the folder's ``.crt`` files, without what a host could not use.

    Left out are expired ones, those of no authority, and files that cannot be read.
    ``STAGES_LOCAL_CA_CERTIFICATES`` names another folder.
    """
    folder = Path(os.environ.get("STAGES_LOCAL_CA_CERTIFICATES", FOLDER))
    certificates = []
    for path in sorted(folder.rglob("*.crt")):
        try:
            text = path.read_text("ascii", errors="replace")
        except OSError:
            continue
        for block in re.findall(BLOCK, text, re.ASCII):
            try:
                certificates.append(authority(block))
            except ValueError:
                continue
    return tuple(dict.fromkeys(certificates))
