"""A certificate authority of the tests' own: Pebble and its DNS, in a namespace of the world.

Both are real servers, built from the modules that ``tests/tools/go.mod`` pins: Pebble is the ACME
server that Let's Encrypt's makers test clients with; it looks names up, fetches challenges on port
80 and signs. It forgets everything when it ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support import go_tools
from tests.support.namespaces import Namespace
from tests.support.waiting import until

TOOLS = Path(__file__).parents[1] / "tools"
MODULE = "github.com/letsencrypt/pebble/v2"
ACME_PORT, DNS_PORT, ANSWERS_PORT = 14000, 53, 8055


def programs() -> Path:
    """The folder with ``pebble`` and ``pebble-challtestsrv``, built once for this user."""
    names = ("pebble", "pebble-challtestsrv")
    return go_tools.built(TOOLS, {name: f"{MODULE}/cmd/{name}" for name in names})


@dataclass(frozen=True)
class Authority:
    """An ACME server that may run in a namespace, on ``address``; its HTTPS is signed by
    ``ca_pem``."""

    address: str
    namespace: Namespace
    folder: Path
    ca_pem: str

    @property
    def directory(self) -> str:
        return f"https://{self.address}:{ACME_PORT}/dir"

    def answer(self, name: str, address: str | None) -> None:
        """Let the DNS answer with this address for a name; ``None``: it has none."""
        self._tell("clear-a", {"host": name})  # Another address would be one more.
        if address is not None:
            self._tell("add-a", {"host": name, "addresses": [address]})

    def _tell(self, what: str, message: dict[str, object]) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        url = f"http://{self.address}:{ANSWERS_PORT}/{what}"
        opener.open(url, json.dumps(message).encode(), timeout=5).close()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Both servers, until the block ends."""
        built = programs()
        dns = [str(built / "pebble-challtestsrv"), "-defaultIPv4", "", "-defaultIPv6", ""]
        dns += ["-dns01", f"{self.address}:{DNS_PORT}"]
        dns += ["-management", f"{self.address}:{ANSWERS_PORT}"]
        dns += ["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""]
        acme = [str(built / "pebble"), "-config", str(self.folder / "pebble.json")]
        acme += ["-strict", "-dnsserver", f"{self.address}:{DNS_PORT}"]
        # It refuses one good nonce of twenty unless told otherwise. Certbot asks once more, and
        # gives up when that is refused as well: one of fifty certificates would not come.
        knobs = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
        environment = {**os.environ, **knobs}
        with (self.folder / "authority.log").open("w") as log:
            servers = [
                subprocess.Popen(
                    ["ip", "netns", "exec", self.namespace.name, *argv],
                    stdout=log,
                    stderr=log,
                    env=environment,
                )
                for argv in (dns, acme)
            ]
            try:
                until("the DNS to listen", self._answers)
                until("Pebble to listen", self._listens)
                yield
            finally:
                for server in servers:
                    server.terminate()
                    server.wait()

    def _answers(self) -> bool:
        try:
            self.answer("ready.example", self.address)
        except OSError:
            return False
        return True

    def _listens(self) -> bool:
        return "Listening on" in (self.folder / "authority.log").read_text()


def authority(address: str, namespace: Namespace, folder: Path) -> Authority:
    """Make what an authority on this address needs: its HTTPS certificate and its settings."""
    ca_key, ca = _sign("the authority's own HTTPS", None, None, "")
    key, certificate = _sign("acme", ca_key, ca, address)
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    settings = {
        "listenAddress": f"{address}:{ACME_PORT}",
        "managementListenAddress": "",
        "certificate": str(folder / "certificate.pem"),
        "privateKey": str(folder / "key.pem"),
        "httpPort": 80,
        "tlsPort": 443,
        "profiles": {"default": {"description": "90 days", "validityPeriod": 7776000}},
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
    ca_pem = ca.public_bytes(serialization.Encoding.PEM).decode()
    return Authority(address, namespace, folder, ca_pem)


def _sign(
    name: str, by: ec.EllipticCurvePrivateKey | None, issuer: x509.Certificate | None, address: str
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer.subject if issuer else own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer is None:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    else:
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]
        builder = builder.add_extension(names, critical=False).add_extension(signer, critical=False)
    return key, builder.sign(by or key, hashes.SHA256())
