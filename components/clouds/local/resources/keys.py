"""Keys that are made once and live in the engine's state alone: the stack's SSH key, and the
authority that signs its database's certificate. The private halves are secret outputs.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from typing import Any, NamedTuple

import pulumi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID
from pulumi.dynamic import CreateResult, Resource

from components.clouds.local.known.names import AUTHORITY, SSH_KEY
from components.clouds.local.known.types import KNOWN
from components.clouds.local.resources.provider import LocalProvider, outs

VALID_DAYS = 3650
"""Nothing renews them, and a stack on one machine does not live for ten years."""


class SshKeyProvider(LocalProvider):
    known = KNOWN[SSH_KEY]

    def create(self, props: dict[str, Any]) -> CreateResult:
        key = ed25519.Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        return CreateResult(
            f"{props['stack']}/{props['name']}",
            outs(props, public_key=public.decode(), private_key=private.decode()),
        )


class LocalSshKey(Resource, module="local", name="SshKey"):
    """An Ed25519 key pair for one stack."""

    public_key: pulumi.Output[str]
    private_key: pulumi.Output[str]

    def __init__(
        self, name: str, *, stack: str, key: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props = {"stack": stack, "name": key, "public_key": None, "private_key": None}
        secret = pulumi.ResourceOptions(additional_secret_outputs=["private_key"])
        super().__init__(SshKeyProvider(), name, props, pulumi.ResourceOptions.merge(opts, secret))


class AuthorityProvider(LocalProvider):
    known = KNOWN[AUTHORITY]

    def create(self, props: dict[str, Any]) -> CreateResult:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"stages {props['stack']} authority")
        usage = x509.KeyUsage(
            key_cert_sign=True,
            crl_sign=True,
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            _builder(name, name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .sign(key, hashes.SHA256())
        )
        return CreateResult(
            f"{props['stack']}/{props['name']}",
            outs(props, ca_pem=_pem(certificate), ca_key=_key_pem(key)),
        )


class LocalAuthority(Resource, module="local", name="Authority"):
    """A certificate authority for one stack."""

    ca_pem: pulumi.Output[str]
    ca_key: pulumi.Output[str]

    def __init__(
        self, name: str, *, stack: str, authority: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props = {"stack": stack, "name": authority, "ca_pem": None, "ca_key": None}
        secret = pulumi.ResourceOptions(additional_secret_outputs=["ca_key"])
        super().__init__(
            AuthorityProvider(), name, props, pulumi.ResourceOptions.merge(opts, secret)
        )


class ServerCertificate(NamedTuple):
    certificate_pem: str
    key_pem: str


def sign(
    ca_pem: str, ca_key: str, *, name: str, address: str, also: Sequence[str] = ()
) -> ServerCertificate:
    """Make a key and a certificate for a server, with its name, its address, and other names."""
    authority = x509.load_pem_x509_certificate(ca_pem.encode())
    signer = serialization.load_pem_private_key(ca_key.encode(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key should be an elliptic curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    known = [x509.DNSName(name) for name in dict.fromkeys((name, *also))]
    every = [*known, x509.IPAddress(ipaddress.ip_address(address))]
    usage = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    certificate = (
        _builder(_name(name), authority.subject, key.public_key())
        .add_extension(x509.SubjectAlternativeName(every), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(issuer_key, critical=False)
        .sign(signer, hashes.SHA256())
    )
    return ServerCertificate(_pem(certificate), _key_pem(key))


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
