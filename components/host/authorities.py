"""Certificate authorities that a host trusts beside the public ones.

One file each, as ``update-ca-certificates`` wants it: Java's keystore takes only the first
certificate of a file. The convergence runs that program whenever one of the files changes or goes.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Iterable

from components.host.agent.system import AUTHORITIES
from components.host.model import HostFile, Part

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
"""All that the host trusts, in one file: ``update-ca-certificates`` makes it."""
ENVIRONMENT = dict.fromkeys(
    ("NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), BUNDLE
)
"""For programs that bring authorities of their own instead of asking the host."""


def authorities(pems: Iterable[str]) -> tuple[Part, ...]:
    """Return a part with a file for each certificate in PEM texts of one or more; or nothing."""
    blocks = re.findall(r"-----BEGIN.+?END CERTIFICATE-----", "\n".join(pems), re.DOTALL)
    files = {file.path: file for file in map(_file, blocks)}
    if not files:
        return ()
    return (
        Part(packages=("ca-certificates",), files=tuple(files[path] for path in sorted(files))),
    )


def _file(pem: str) -> HostFile:
    der = ssl.PEM_cert_to_DER_cert(pem)
    name = hashlib.sha256(der).hexdigest()[:8]
    return HostFile(path=f"{AUTHORITIES}stages-{name}.crt", content=ssl.DER_cert_to_PEM_cert(der))
