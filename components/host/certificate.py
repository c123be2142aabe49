"""The site's certificate: by ACME once the name leads here, self-signed until then.

Debian's certbot gets and renews it (HTTP-01 through Nginx), started by a timer of ours; the program
around it (``files/certificate/certificate.py``) decides when the authority is asked, and lets Nginx
read a renewed certificate only when Nginx accepts it. Account and certificate are kept in one
folder, the *store*: on the data volume where there is one, else on the server, which hands it on to
the next (``components/resources/handover.py``).
"""

from __future__ import annotations

import json

from components.host.model import Directory, HostFile, Part, Service
from components.host.rendering import plain, render

PROGRAM = "/usr/local/lib/stages/certificate"
CONFIG = "/etc/stages/certificate.json"
ADDRESS = "/etc/stages/address"
"""Where the name has to lead before an authority is asked; known once the address exists."""
AUTHORITY = "/etc/stages/acme-ca.pem"
"""Who vouches for the ACME server's own HTTPS, where that is no public authority."""
SERVED = "/var/lib/stages-tls/served"
STORE = "/var/lib/stages-tls/acme"
"""Where the store is on a server without a data volume."""
BROUGHT = "/var/lib/stages-tls/brought"
"""A folder for each domain: the pair that stage 1 served when it began to forward."""
WEBROOT = "/var/lib/acme"
SHUTDOWN = ("systemctl stop certbot.timer certbot.service",)
"""Before the data volume is unmounted: a run would keep it busy, or mount it again."""

_UNITS = "/etc/systemd/system"


def store(mount: str | None) -> str:
    """Where account and certificate are kept; ``mount`` is the data volume's."""
    return f"{mount}/tls" if mount else STORE


def certificate(
    *, domain: str, server: str, authority: str | None, email: str | None, mount: str | None
) -> Part:
    """Return program, units, timer and what they need to know; ``address`` has what is late."""
    config = {
        "domain": domain,
        "server": server,
        "ca": AUTHORITY if authority else "",
        "email": email or "",
        "store": store(mount),
        "webroot": WEBROOT,
    }
    return Part(
        packages=("certbot", "openssl"),
        directories=(Directory(path=WEBROOT), Directory(path="/var/lib/stages-tls", mode="0700")),
        files=(
            HostFile(path=PROGRAM, content=plain("certificate/certificate.py"), mode="0755"),
            HostFile(
                path=f"{_UNITS}/certbot.service",
                content=render("certificate/certbot.service.j2", program=PROGRAM, mount=mount),
            ),
            HostFile(path=f"{_UNITS}/certbot.timer", content=plain("certificate/certbot.timer")),
            HostFile(path=CONFIG, content=json.dumps(config, indent=2) + "\n"),
            *([HostFile(path=AUTHORITY, content=authority)] if authority else []),
        ),
        services=(Service(unit="certbot.timer", restart_on=(f"{_UNITS}/certbot.timer",)),),
    )


def address(address: str) -> HostFile:
    """Return the address that the name has to lead to."""
    return HostFile(path=ADDRESS, content=f"{address}\n")
