"""Nginx: from the world to the web processes.

It answers while the app restarts: a request goes to another process when one does not take it
(never a request twice that may change something), and when none does, a page says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.host import certificate, firewall
from components.host.agent.maintenance import SWITCH
from components.host.agent.promotion_tunnel import FORWARDED_PORT
from components.host.files.app.gate import FOLDER as GATE
from components.host.model import HostFile, Part, Service
from components.host.rendering import plain, render

MAIN = "/etc/nginx/nginx.conf"
SITE = "/etc/nginx/conf.d/app.conf"
LOCATIONS = "/etc/nginx/snippets/app-locations.conf"
"""What a site serves, apart from how it is reached, so that HTTP and HTTPS share it."""
BLANKED = "/etc/nginx/snippets/blanked-headers.conf"
"""Headers that Nginx takes out of every request."""
TLS = "/etc/nginx/snippets/tls.conf"
FORWARDED_HOST = "/etc/nginx/snippets/forwarded-host.conf"
"""The name that the app sees of visitors whom stage 1 forwards; known once the address exists."""
PAGE = "/usr/local/share/stages/pages/unavailable.html"
MAINTENANCE = "/usr/local/share/stages/pages/maintenance.html"
UNIT = "nginx.service"
DROP_IN = f"/etc/systemd/system/{UNIT}.d/50-stages.conf"
CONNECTIONS = 8192
"""Of one worker process, of which there is one a core: some 60 MiB when all are taken."""
PER_CLIENT = firewall.CONNECTIONS_PER_CLIENT
"""Requests that an address may have in progress. A quarter of ``CONNECTIONS``, which two of such
addresses leave free even where each request takes two."""
HASHED = r'~ "[.-](?:[0-9a-f]{8,64}|[0-9A-Za-z_-]{8})(?:\.[0-9a-z]+)+$"'
"""Where names have a content hash (``components/host/agent/assets.py``)."""
STATUS_PORT = 8090
"""On 127.0.0.1: says that Nginx itself runs with the current configuration."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a request and its answer may take (``stages:app`` has a key for each)."""

    max_body_mib: int = 20
    request_timeout_s: int = 60
    response_headers_kib: int = 16


def nginx(
    *, web_ports: Sequence[int], domain: str | None = None, limits: Limits = Limits()
) -> Part:
    """Return the web server in front of the web processes on ``web_ports`` of 127.0.0.1.

    With a ``domain`` only that name is served, over TLS, and all else leads there; its certificate
    is another part (``certificate.py``). Without, every name and the address are, over HTTP.
    """
    if not web_ports:
        raise ValueError("Nginx needs at least one web process to pass requests to")
    site = render(
        "nginx/app.conf.j2",
        web_ports=web_ports,
        gate=GATE,
        domain=domain,
        per_client=PER_CLIENT,
        status_port=STATUS_PORT,
        forwarded_port=FORWARDED_PORT,
        forwarded_host=FORWARDED_HOST,
        host=domain or "$host$port_of_host",
        locations=LOCATIONS,
        tls=TLS,
        webroot=certificate.WEBROOT,
    )
    tls: tuple[HostFile, ...] = ()
    if domain:
        settings = render("nginx/tls.conf.j2", served=certificate.SERVED)
        tls = (HostFile(path=TLS, content=settings),)
    return Part(
        packages=("curl", "nginx-light"),
        files=(
            HostFile(path=MAIN, content=render("nginx/nginx.conf.j2", connections=CONNECTIONS)),
            HostFile(
                path=LOCATIONS,
                content=render(
                    "nginx/app-locations.conf.j2",
                    page=PAGE,
                    maintenance=MAINTENANCE,
                    switch=SWITCH,
                    gate=GATE,
                    blanked=BLANKED,
                    hashed=HASHED,
                    limits=limits,
                ),
            ),
            HostFile(path=BLANKED, content=plain("nginx/blanked-headers.conf")),
            HostFile(path=PAGE, content=plain("nginx/unavailable.html")),
            HostFile(path=MAINTENANCE, content=plain("nginx/maintenance.html")),
            HostFile(path=SITE, content=site),
            *tls,
            HostFile(path=DROP_IN, content=plain("nginx/nginx.service.conf")),
        ),
        # Debian's "It works" page: a second default server.
        absent=("/etc/nginx/sites-enabled/default",),
        services=(
            Service(
                unit=UNIT,
                reload_on=(
                    *(MAIN, SITE, LOCATIONS, BLANKED, FORWARDED_HOST),
                    *([TLS, certificate.CONFIG, certificate.ADDRESS] if domain else []),
                ),
                restart_on=(DROP_IN,),
                check=f"{certificate.PROGRAM} prepare && nginx -t -q" if domain else "nginx -t -q",
                ready="curl --fail --silent --noproxy '*' --max-time 2 --output /dev/null"
                f" http://127.0.0.1:{STATUS_PORT}/",
            ),
        ),
    )


def forwarded_host(host: str) -> HostFile:
    """Return a line of the site's map: ``host`` is the name that users open."""
    return HostFile(path=FORWARDED_HOST, content=f"{FORWARDED_PORT} {host};\n")
