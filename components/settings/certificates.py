"""The keys about certificates: whom to ask, and who vouches for them."""

from __future__ import annotations

import re
import ssl
from typing import Final

from components.settings.kinds import Single
from components.settings.problems import Refused, is_private_key
from components.settings.text import NO_VALUE, as_text, is_plain, pattern

LETS_ENCRYPT: Final = "https://acme-v02.api.letsencrypt.org/directory"
"""https://letsencrypt.org/docs/acme-protocol-updates/: the directory for real certificates."""

LONGEST: Final = 65536
"""Characters of certificates: some dozens of them."""


def _pem(value: object) -> str:
    text = as_text(value).strip()
    if not text:
        raise Refused(remedy=NO_VALUE)
    block = r"-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----"
    fits = re.fullmatch(rf"{block}(\s+{block})*", text, re.ASCII)
    if len(text) > LONGEST or is_private_key(text) or not is_plain(text, but="\n") or not fits:
        raise ValueError
    try:
        ssl.create_default_context(cadata=text)
    except ssl.SSLError:
        raise ValueError from None
    return text + "\n"


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
