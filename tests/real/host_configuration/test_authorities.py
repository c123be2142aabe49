"""A company's authority: trusted on the host while the setting names it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from components.host.authorities import authorities
from components.remote import document
from tests.real.app_host import NGINX_FILE, AppHost, parts
from tests.real.host_configuration.steps import apply, changed, drift, refused, release_of

pytestmark = pytest.mark.real

FOLDER = "/run/company"
PROXY = f"""set -e
mkdir -p {FOLDER} && cd {FOLDER}
new="openssl req -x509 -days 30 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
$new -keyout ca.key -out ca.pem -subj /CN=company \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>&1
$new -keyout key -out pem -subj /CN=localhost -CA ca.pem -CAkey ca.key \
  -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost 2>&1
systemd-run --quiet --unit=company openssl s_server -accept 127.0.0.1:8443 -www \
  -cert {FOLDER}/pem -key {FOLDER}/key
curl -sSk --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null https://localhost:8443/
"""
CURL = "curl -sS -o /dev/null https://localhost:8443/"
PYTHON = (
    "python3 -c 'import socket, ssl; ssl.create_default_context().wrap_socket("
    'socket.create_connection(("localhost", 8443)), server_hostname="localhost")\''
)


@pytest.fixture(scope="module")
def company(host: AppHost) -> Iterator[str]:
    """The authority of a TLS server on the host, as PEM."""
    host.sh(PROXY)
    yield host.sh(f"cat {FOLDER}/ca.pem")
    host.sh(f"systemctl stop company; rm -r {FOLDER}")


def trusted(host: AppHost) -> list[bool]:
    """Whether curl and Python reach the server."""
    return [host.host.run(["sh", "-c", ask]).returncode == 0 for ask in (CURL, PYTHON)]


def test_an_authority_is_trusted_while_it_is_set(
    host: AppHost, up: dict[str, Any], company: str
) -> None:
    assert trusted(host) == [False, False]
    before = host.invocations()
    wanted = host.props(release_of(up), parts=(*authorities([company]), *parts()))
    apply(wanted)
    assert trusted(host) == [True, True]
    assert drift(wanted) == {}
    # What runs read the authorities at its start.
    after = host.invocations()
    restarted = {unit for unit in before if before[unit] != after[unit]}
    assert restarted == {"web@8001", "web@8002", "worker"}
    apply(up)
    assert trusted(host) == [False, False]
    assert host.sh("ls /etc/ssl/certs | grep -c stages- || true") == "0"


def test_an_authority_goes_with_the_files_that_a_service_refuses(
    host: AppHost, up: dict[str, Any], company: str
) -> None:
    bad = {**up, "files": changed(up, NGINX_FILE, listen="lisssten")}
    file = document.files(authorities([company])[0].files)
    bad["files"].update(file)
    assert "nginx.service: refuses its new files" in refused(bad)
    assert trusted(host) == [False, False]
