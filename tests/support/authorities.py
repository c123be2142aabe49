"""Authorities of databases, made here, and a user's cache that holds one."""

from __future__ import annotations

import hashlib
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from components.clouds.aws.resources import rds_ca


def make(name: str, *, may_issue: bool = True, until: int = 2061) -> str:
    """A new certificate that signs itself, as PEM text."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2021, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(until, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=may_issue, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def thumbprint(pem: str) -> str:
    """What RDS's API tells of a certificate."""
    return hashlib.sha1(ssl.PEM_cert_to_DER_cert(pem), usedforsecurity=False).hexdigest()


@contextmanager
def known(region: str) -> Iterator[None]:
    """A user's cache of its own that holds an authority for RDS in a region."""
    with tempfile.TemporaryDirectory() as cache, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", cache)
        rds_ca.file(region).parent.mkdir(parents=True)
        rds_ca.file(region).write_text(make(region))
        yield
