"""A domain over TLS on real hosts, with a real ACME server: issued, renewed, kept, handed on."""

from __future__ import annotations

import ssl

import pytest

from tests.real.tls.site import DOMAIN, Site

pytestmark = pytest.mark.real


@pytest.fixture(params=["stage1", "stage2"])
def either(request: pytest.FixtureRequest) -> Site:
    """Each stage in turn."""
    chosen: Site = request.getfixturevalue(request.param)
    return chosen


def test_before_the_name_leads_here_the_site_answers_self_signed(either: Site) -> None:
    record = f"type A, name {DOMAIN}, value {either.address}, TTL 300"
    assert record in either.first_up
    assert f"https://{DOMAIN}   (revision" in either.first_up and ", 200 in " in either.first_up
    either.leads_to("192.0.2.7")
    either.timer_runs()  # waits, and that is no failure
    assert either.certificate().issuer == either.certificate().subject
    assert either.get("/health").status == 200
    said = either.stack.run("status")
    assert f"{either.stack.name}: up\n" in said and "certificate: self-signed" in said
    assert f"{DOMAIN} points to 192.0.2.7; it should point to {either.address} alone" in said
    assert record in said


def test_once_it_does_another_up_gets_the_certificate_at_once(stage1: Site) -> None:
    stage1.leads_to(stage1.address)
    said = stage1.stack.run("up")
    assert "nothing to change" in said and "by CN=Pebble" in said
    served, status = stage1.certificate(), stage1.reported()
    assert "Pebble" in served.issuer.rfc4514_string()
    assert (status["resolved"], status["self_signed"]) == ([stage1.address], False)
    assert int(status["serial"], 16) == served.serial_number
    assert status["until"].startswith(f"{served.not_valid_after_utc:%Y-%m-%d %H:%M}")


def test_the_timer_gets_it_too(stage2: Site) -> None:
    assert stage2.on_host("systemctl is-active certbot.timer") == "active"
    stage2.has_certificate()


def test_http_leads_to_https_whatever_name_was_asked_for(either: Site) -> None:
    for host in (DOMAIN, "evil.example", either.address):
        moved = either.get("/a?b=c", host, tls=False)
        assert (moved.status, moved.getheader("Location")) == (301, f"https://{DOMAIN}/a?b=c")
    assert either.get("/.well-known/acme-challenge/none", tls=False).status == 404


def test_what_tls_is_spoken(stage1: Site) -> None:
    assert stage1.handshake(DOMAIN)[1] == "h2"
    stage1.handshake(DOMAIN, ssl.TLSVersion.TLSv1_2)
    stage1.handshake(DOMAIN, ssl.TLSVersion.TLSv1_3)
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        stage1.handshake(DOMAIN, ssl.TLSVersion.TLSv1_1)
    assert stage1.get("/health").getheader("Strict-Transport-Security") == "max-age=63072000"


def test_another_name_is_not_served(stage1: Site) -> None:
    for name in ("evil.example", None):
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            stage1.handshake(name)
    assert stage1.get("/", "evil.example").status == 421
    # The request line goes before the header; Django refuses a host that is not the domain.
    assert stage1.get(f"https://{DOMAIN}/", "evil.example").status == 200


def test_a_due_certificate_is_renewed_and_served_without_a_restart(stage1: Site) -> None:
    before = stage1.has_certificate()
    nginx = stage1.on_host("systemctl show -P MainPID nginx")
    stage1.timer_runs()
    assert stage1.certificate() == before  # not due
    stage1.renewal("1i renew_before_expiry = 365 days")
    # The authority cannot be reached: the old certificate stays, the failure shows.
    drop = "insert rule inet stages output tcp dport 14000 reject with tcp reset"
    stage1.on_host(f"nft {drop}")
    stage1.timer_runs(fails=True)
    assert stage1.certificate() == before
    said = stage1.stack.run("status", code=1)
    assert "certbot.service: is failed" in said
    assert "the last question to the authority failed: " in said and "refused" in said
    stage1.on_host("systemctl reload nftables")
    # The next run of the timer succeeds.
    stage1.timer_runs()
    stage1.renewal("/^renew_before_expiry/d")
    assert stage1.certificate().serial_number != before.serial_number
    assert "Pebble" in stage1.certificate().issuer.rfc4514_string()
    assert stage1.on_host("systemctl show -P MainPID nginx") == nginx
    assert stage1.reported()["problem"] == ""


def test_a_certificate_that_nginx_refuses_is_not_served(stage1: Site) -> None:
    before, link = stage1.has_certificate(), stage1.served_files()
    key = f"$(readlink -f /data/tls/*/live/{DOMAIN}/privkey.pem)"
    foreign = f"/var/lib/stages-tls/self-signed/{DOMAIN}/privkey.pem"
    stage1.on_host(f"cp -a {key} /root/good.pem && cp {foreign} {key}")
    try:
        stage1.timer_runs(fails=True)
        assert stage1.served_files() == link
        assert stage1.certificate() == before
        stage1.on_host("systemctl restart nginx")  # The pair on the disk is sound as well.
        assert stage1.certificate() == before
    finally:
        stage1.on_host(f"mv /root/good.pem {key}")
    stage1.timer_runs()
    assert stage1.certificate() == before


def test_a_replaced_server_serves_the_very_same_certificate(either: Site) -> None:
    before, server = either.has_certificate(), either.server
    either.stack.run("replace")
    assert either.server != server
    assert either.certificate() == before
    # Account and certificate came along whole: the next run of the timer finds nothing to do.
    assert either.has_certificate() == before
    accounts = either.on_host(
        "ls -d /data/tls/*/accounts/*/*/* /var/lib/stages-tls/acme/*/accounts/*/*/* || true"
    )
    assert len(accounts.splitlines()) == 1


def test_no_private_key_is_in_the_state_or_readable(either: Site) -> None:
    either.has_certificate()
    assert "PRIVATE KEY" not in str(either.stack.state())
    either.on_host("runuser -u app -- cat /var/lib/stages-tls/served/privkey.pem", code=1)
    either.on_host("runuser -u www-data -- cat /var/lib/stages-tls/served/privkey.pem", code=1)
