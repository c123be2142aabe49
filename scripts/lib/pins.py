"""What the pinned requirements say: decisions without I/O, with nothing but the standard library.

The bootstrap uses this before the virtual environment exists.
"""

from __future__ import annotations

import hashlib
import re

OLDEST_GO = (1, 21)
"""The first Go that fetches by itself the newer toolchain that tools/go.mod asks for."""


def pinned_version(requirements: str, package: str) -> str:
    """Return the version of ``package`` in the text of a requirements file.

    Raises ``LookupError`` when the file does not pin it: the checkout is at fault, not the user.
    """
    match = re.search(rf"^{re.escape(package)}==([^\s;\\]+)", requirements, re.MULTILINE)
    if not match:
        raise LookupError(f"requirements.txt: should pin {package}, got no such line")
    return match.group(1)


def cli_version(output: str) -> str:
    """Return the version in what ``pulumi version`` prints, without its ``v``; empty if none."""
    match = re.fullmatch(r"v?(\d+\.\d+\.\d+(?:[-+]\S+)?)", output.strip())
    return match.group(1) if match else ""


def go_version(output: str) -> tuple[int, int]:
    """Return major and minor of what ``go version`` prints; (0, 0) if it is not understood."""
    match = re.search(r"\bgo(\d+)\.(\d+)", output)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)


def fingerprint(*parts: str) -> str:
    """Return what a virtual environment was made from, as one short text.

    The parts are the requirement files, the interpreter and the folder: another value of any of
    them means that the environment has to be brought up to date or made anew.
    """
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
