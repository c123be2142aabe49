"""The authority that signs the certificates of a region's databases.

Amazon's public certificate, which does not ship with the project: the preflight puts it into the
user's cache, where the program finds it. RDS's API, which the user's login authenticates, tells the
certificate's thumbprint; so nothing hangs on where the certificate itself comes from.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import ssl
import urllib.request
from collections.abc import Collection, Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

import pulumi

from components import atomic_write
from components.errors import UserError

IDENTIFIER = "rds-ca-rsa2048-g1"
"""The authority that a database is told to use, so that it is the one that the pooler trusts."""

BUNDLES = "https://truststore.pki.rds.amazonaws.com"
"""Where Amazon's documentation says that a region's authorities are."""
OWN_BUNDLE = "STAGES_RDS_CA"
"""The environment variable with the path of a bundle that the user brings."""
TIMEOUT_S = 10
MOST_BYTES = 1 << 20
"""A region's bundle is below 10 kB, that of all regions below 200 kB."""


def file(region: str) -> Path:
    """Return where a region's authority is kept for all stacks and checkouts of the user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "stages" / "rds" / f"{region}.pem"


def authority(region: str) -> str:
    """Return the PEM text of a region's authority, for the program.

    A plan goes without: it gets a line that says so. Raises ``UserError`` when really deploying.
    """
    try:
        return file(region).read_text()
    except OSError:
        if pulumi.runtime.is_dry_run():
            return f"The authority of RDS in {region} is not on this machine yet."
    raise UserError(
        f"{file(region)}: should hold the authority of RDS in {region}, got no readable file",
        f"`make preview STACK={pulumi.get_stack()}` puts it there.",
    )


def provide(region: str, thumbprints: Collection[str]) -> None:
    """Fill the cache with the certificate that has one of ``thumbprints``, if it is not there.

    They are SHA-1 in small hex digits. The certificate is taken from the user's own bundle, or
    from Amazon's. Raises ``UserError`` where that has none of them or cannot be had.
    """
    cached = file(region)
    with contextlib.suppress(OSError):
        if _chosen(cached.read_bytes(), thumbprints):
            return
    own = os.environ.get(OWN_BUNDLE, "")
    where = own or f"{BUNDLES}/{region}/{region}-bundle.pem"
    chosen = _chosen(_read(own) if own else _download(where, region), thumbprints)
    if not chosen:
        listed = ", ".join(sorted(thumbprints))
        wanted = f"the certificate with the thumbprint that RDS tells ({listed})"
        raise _lacks(where, wanted, "others")
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        atomic_write.replace(cached, chosen)
    except OSError as error:
        raise UserError(
            f"{cached}: should be a file that you can write, got {error.strerror}",
            "Make room for it, or set XDG_CACHE_HOME to another folder.",
        ) from error


def _chosen(bundle: bytes, thumbprints: Collection[str]) -> str:
    """Return the certificate with one of the thumbprints as PEM text; empty if there is none."""
    return next(
        (
            ssl.DER_cert_to_PEM_cert(der)
            for der in _certificates(bundle.decode("ascii", "replace"))
            if hashlib.sha1(der, usedforsecurity=False).hexdigest() in thumbprints
        ),
        "",
    )


def _certificates(bundle: str) -> Iterator[bytes]:
    pattern = "-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----"
    for block in re.findall(pattern, bundle, re.DOTALL):
        try:
            yield ssl.PEM_cert_to_DER_cert(block)
        except ValueError:  # no base64: no certificate that anyone told of
            continue


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(
            f"{OWN_BUNDLE}: should be the path of a bundle of certificates, got {path!r}"
            f" ({error.strerror})",
            f"Unset it to have the bundle from {BUNDLES}.",
        ) from error


def _download(url: str, region: str) -> bytes:
    wanted = f"the authorities of RDS in {region}"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:  # noqa: S310 (https)
            content: bytes = response.read(MOST_BYTES)
    except HTTPError as error:
        raise _lacks(url, wanted, f"HTTP {error.code}") from error
    except (OSError, HTTPException) as error:
        raise _lacks(url, wanted, f"no answer ({_reason(error)})") from error
    return content


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPException):
        return type(error).__name__  # its text is what the server sent
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason)


def _lacks(where: str, wanted: str, got: str) -> UserError:
    return UserError(
        f"{where}: should hold {wanted}, got {got}",
        f"Bring Amazon's bundle of the region yourself: {OWN_BUNDLE}=/path/to/bundle.pem.",
    )
