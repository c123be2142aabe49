"""The keys about certificates: whom to ask, and who vouches for them."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from typing import Final

from components.settings.kinds import ListOf, Single
from components.settings.problems import Refused, is_private_key
from components.settings.text import NO_VALUE, as_text, is_plain, pattern

LETS_ENCRYPT: Final = "https://acme-v02.api.letsencrypt.org/directory"
"""https://letsencrypt.org/docs/acme-protocol-updates/: the directory for real certificates."""

LONGEST: Final = 65536
"""Characters of certificates: some dozens of them."""


BLOCK: Final = r"-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----"
"""One certificate in PEM, as a regular expression."""


def _pem(value: object) -> str:
    text = as_text(value).strip()
    if not text:
        raise Refused(remedy=NO_VALUE)
    fits = re.fullmatch(rf"{BLOCK}(\s+{BLOCK})*", text, re.ASCII)
    if len(text) > LONGEST or is_private_key(text) or not is_plain(text, but="\n") or not fits:
        raise ValueError
    try:
        ssl.create_default_context(cadata=text)
    except ssl.SSLError:
        raise ValueError from None
    return text + "\n"


def authority(value: object) -> str:
    """Return PEM text whose certificates all are those of authorities, and current ones."""
    from cryptography import x509  # Only here: most stacks name no authority.

    text = _pem(value)
    for certificate in x509.load_pem_x509_certificates(text.encode()):
        name = certificate.subject.rfc4514_string()
        try:
            use = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        except (x509.ExtensionNotFound, x509.DuplicateExtension):
            use = None
        if use is None or not use.ca:
            raise Refused(
                should_be="certificates of authorities (CA:TRUE)",
                got=f"that of {name!r}, which may not issue others",
                remedy="Give the certificate of the authority that issued it.",
            )
        ends = certificate.not_valid_after_utc
        if ends < datetime.now(UTC):
            raise Refused(
                should_be="certificates that have not expired",
                got=f"that of {name!r}, which expired on {ends:%Y-%m-%d}",
                remedy="Give the authority's current certificate, or remove this one.",
            )
    return text


ACME_SERVER = pattern(
    r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?",
    "the https address of an ACME directory",
    remedy=f"For example {LETS_ENCRYPT}.",
)
PEM = Single(
    allowed="one or more certificates in PEM",
    convert=_pem,
    remedy="Give the text of the file: `-----BEGIN CERTIFICATE-----` and so on.",
    hidden=True,
)

AUTHORITIES = ListOf(
    of=Single(allowed=PEM.allowed, convert=authority, remedy=PEM.remedy, hidden=PEM.hidden),
    allowed="a list of certificates in PEM",
    remedy="Begin each with `- |` and indent the text of the file below it.",
)
