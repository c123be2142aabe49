"""Keys of a stack: usable, different each time, and the certificate says who the server is."""

from __future__ import annotations

import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.verification import PolicyBuilder, Store

from components.clouds.local.resources import keys


def authority() -> dict[str, str]:
    made = keys.AuthorityProvider().create({"stack": "mine", "name": "database"}).outs
    assert made is not None
    return made


def test_an_ssh_key_pair_belongs_together_and_is_made_anew() -> None:
    made = [keys.SshKeyProvider().create({"stack": "mine", "name": "app"}).outs for _ in range(2)]
    first, second = made
    assert first is not None and second is not None
    private = serialization.load_ssh_private_key(first["private_key"].encode(), None)
    public = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    assert first["public_key"] == public.decode()
    assert first["public_key"].startswith("ssh-ed25519 ")
    assert first["private_key"] != second["private_key"]


def test_a_certificate_carries_name_and_address_and_verifies_against_its_authority() -> None:
    ca = authority()
    signed = keys.sign(ca["ca_pem"], ca["ca_key"], name="database", address="10.97.1.64")
    leaf = x509.load_pem_x509_certificate(signed.certificate_pem.encode())
    store = Store([x509.load_pem_x509_certificate(ca["ca_pem"].encode())])
    for subject in (x509.IPAddress(ipaddress.ip_address("10.97.1.64")), x509.DNSName("database")):
        verifier = PolicyBuilder().store(store).build_server_verifier(subject)
        assert verifier.verify(leaf, [])[0] == leaf
    key = serialization.load_pem_private_key(signed.key_pem.encode(), None)
    assert key.public_key() == leaf.public_key()


def test_the_authority_signs_with_its_key_and_does_not_give_it_away() -> None:
    ca = authority()
    signed = keys.sign(ca["ca_pem"], ca["ca_key"], name="database", address="10.97.1.64")
    assert "PRIVATE" not in ca["ca_pem"] + signed.certificate_pem
    assert ca["ca_key"] != signed.key_pem
