"""What ``make up`` and ``make status`` say of a domain and its certificate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components import outputs
from scripts.lib import certificate, ssh
from scripts.lib.certificate import Certificate, domain_of

WAITING = Certificate(
    domain="a.example",
    address="192.0.2.1",
    resolved=[],
    serial="0A",
    issuer="CN=self-signed",
    until="2036-01-01 00:00:00Z",
    self_signed=True,
)
RECORD = "the record to make in DNS: type A, name a.example, value 192.0.2.1, TTL 300"
THEN = "the certificate then comes within an hour, or at once with `make up STACK=s`"


def test_a_name_that_leads_nowhere() -> None:
    assert WAITING.lines("s") == [
        "certificate: self-signed, browsers warn of it",
        "a.example points to nowhere; it should point to 192.0.2.1 alone",
        RECORD,
        THEN,
    ]


def test_a_name_that_leads_here_and_elsewhere_does_not_lead_here() -> None:
    both = Certificate(domain="a.example", address="192.0.2.1", resolved=["192.0.2.1", "2001::1"])
    assert not both.leads_here
    assert both.lines("s") == [
        "certificate: none is served",
        "a.example points to 192.0.2.1, 2001::1; it should point to 192.0.2.1 alone",
        RECORD,
        THEN,
    ]


def test_a_name_whose_record_the_stack_has_made() -> None:
    assert replace(WAITING, zone="example").lines("s")[2:] == [
        "the record in the zone example: type A, name a.example, value 192.0.2.1, TTL 300",
        "a resolver may keep an earlier answer for a while; otherwise look whether the domain's"
        " registrar names the zone's name servers, and for other records of that name",
        THEN,
    ]


@pytest.mark.parametrize(("zone", "asked"), [("example", True), ("", False)])
def test_the_record_of_the_stack_is_waited_for_and_then_the_certificate_asked(
    zone: str, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's record may come in a week."""
    here = replace(WAITING, zone=zone, resolved=["192.0.2.1"])
    seen = iter([replace(WAITING, zone=zone), replace(WAITING, zone=zone), here, here])
    ran: list[list[str]] = []
    messages: list[str] = []
    monkeypatch.setattr(certificate, "PAUSE_S", 0)
    monkeypatch.setattr(certificate, "look", lambda _: next(seen))
    monkeypatch.setattr(ssh, "run", lambda _, argv, **__: ran.append(argv))
    values = {outputs.URL: "https://a.example", outputs.ADDRESS: "192.0.2.1"}
    certificate.settle("s", values, messages.append)
    assert bool(ran) is asked
    assert (messages[0] == "\nwaiting until a.example points here ...") is asked


def test_a_certificate_whose_renewal_failed() -> None:
    certificate_ = Certificate(
        domain="a.example",
        address="192.0.2.1",
        resolved=["192.0.2.1"],
        serial="0A",
        issuer="C=US, O=Let's Encrypt, CN=E7",
        until="2027-01-01 00:00:00Z",
        problem="Connection refused",
    )
    assert certificate_.trusted
    assert certificate_.lines("s") == [
        "certificate: by C=US, O=Let's Encrypt, CN=E7, until 2027-01-01 00:00:00Z, serial 0A",
        "a.example points here (192.0.2.1)",
        "the last question to the authority failed: Connection refused",
    ]


def test_a_stack_has_a_domain_when_its_url_is_https() -> None:
    assert domain_of({outputs.URL: "https://a.example"}) == "a.example"
    assert domain_of({outputs.URL: "http://192.0.2.1"}) == ""
    assert domain_of({}) == ""
