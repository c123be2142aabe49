"""A stack with a domain, seen from outside: what its address serves, whoever signed it."""

from __future__ import annotations

import json
import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from cryptography import x509

from components.clouds.local.hosts import inventory
from components.host.certificate import CONFIG, PROGRAM, SERVED
from tests.support import acme
from tests.support.clone import Stack

DOMAIN = "shop.example.com"


@dataclass
class Site:
    """One stack with the domain, and the authority that it asks."""

    stack: Stack
    authority: acme.Authority
    address: str
    first_up: str
    """What the first ``up`` said."""

    @property
    def server(self) -> str:
        """The id of the app server, as the state has it."""
        return str(self.stack.resource("HostConfiguration")["outputs"]["server_id"])

    def on_host(self, command: str, code: int = 0) -> str:
        """Run a shell command on the app server as root, past SSH, which is not the matter here."""
        host = inventory.find(self.server)
        assert host, self.server
        done = host.run(["sh", "-c", command], timeout_s=300)
        assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def use_dns(self) -> None:
        """Let the app server ask the DNS of the tests."""
        self.on_host(f"echo nameserver {self.authority.address} | tee /etc/resolv.conf")

    def leads_to(self, address: str | None) -> None:
        """Give the domain a record in DNS, or none."""
        self.authority.answer(DOMAIN, address)

    def has_certificate(self) -> x509.Certificate:
        """The authority has signed for the domain, by now at least: what is served."""
        self.leads_to(self.address)
        self.use_dns()
        self.timer_runs()
        served = self.certificate()
        assert "Pebble" in served.issuer.rfc4514_string(), self.log()
        return served

    def timer_runs(self, *, fails: bool = False) -> None:
        """What the timer does once an hour."""
        # An hour has passed: systemd starts a unit five times in ten seconds at most.
        start = "systemctl reset-failed certbot.service; systemctl start certbot.service; echo $?"
        done = self.on_host(start).splitlines()[-1]
        assert (done != "0") is fails, self.log()

    def log(self) -> str:
        """What the last runs said."""
        return self.on_host("journalctl --no-pager -n 40 -o cat -u certbot")

    def renewal(self, sed: str) -> None:
        """Edit certbot's own settings of this certificate."""
        store = json.loads(self.on_host(f"cat {CONFIG}"))["store"]
        self.on_host(f"sed -i '{sed}' {store}/*/renewal/{DOMAIN}.conf")

    def served_files(self) -> str:
        """Where the link that Nginx reads leads to."""
        return self.on_host(f"readlink {SERVED}")

    def certificate(self) -> x509.Certificate:
        """What the address serves for the domain."""
        der = self.handshake(DOMAIN)[0]
        return x509.load_der_x509_certificate(der)

    def handshake(
        self, name: str | None, version: ssl.TLSVersion | None = None
    ) -> tuple[bytes, str | None]:
        """The certificate, and the protocol that was agreed on; one version alone if asked."""
        context = ssl._create_unverified_context()  # noqa: S323
        context.set_ciphers("ALL:@SECLEVEL=0")  # Else this side would refuse old versions itself.
        context.set_alpn_protocols(["h2", "http/1.1"])
        if version:
            context.minimum_version = context.maximum_version = version
        with (
            socket.create_connection((self.address, 443), 10) as plain,
            context.wrap_socket(plain, server_hostname=name) as session,
        ):
            der = session.getpeercert(binary_form=True)
            assert der
            return der, session.selected_alpn_protocol()

    def get(self, path: str, host: str = DOMAIN, *, tls: bool = True) -> HTTPResponse:
        """Ask the address for a path of a host; redirects are not followed."""
        connection = HTTPConnection(host, timeout=20)
        connection.sock = socket.create_connection((self.address, 443 if tls else 80), 20)
        if tls:
            trusting = ssl._create_unverified_context()  # noqa: S323
            connection.sock = trusting.wrap_socket(connection.sock, server_hostname=DOMAIN)
        connection.request("GET", path)
        return connection.getresponse()

    def reported(self) -> dict[str, Any]:
        """What the host's own program reports to ``status``."""
        status: dict[str, Any] = json.loads(self.on_host(f"{PROGRAM} status"))
        return status
