"""How the authority of a region's databases gets onto this machine: a local server has it here."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from components.clouds.aws.resources import rds_ca
from components.errors import UserError
from tests.support import authorities
from tests.support.planned import planned, settled
from tests.unit.clouds.aws import graph

REGION = "eu-central-1"
PAGE = f"/{REGION}/{REGION}-bundle.pem"
WANTED = authorities.make(f"Amazon RDS {REGION} Root CA RSA2048 G1")
OTHERS = [authorities.make(f"Amazon RDS {REGION} Root CA {kind}") for kind in ("ECC", "RSA4096")]
THUMBPRINT = authorities.thumbprint(WANTED)
BROKEN = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
REMEDY = " Bring Amazon's bundle of the region yourself: STAGES_RDS_CA=/path/to/bundle.pem."


class Handler(BaseHTTPRequestHandler):
    server: Truststore

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.garbled:
            self.wfile.write(b"who is there\r\n")
            return
        page = self.server.pages.get(self.path)
        self.send_response(403 if page is None else 200)
        self.end_headers()
        self.wfile.write((page or "no").encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Truststore(HTTPServer):
    """Stands in for Amazon's address."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.pages = {PAGE: f"Comment\n{OTHERS[0]}{BROKEN}{WANTED}{OTHERS[1]}"}
        self.asked: list[str] = []
        self.garbled = False


@pytest.fixture
def truststore(monkeypatch: pytest.MonkeyPatch) -> Iterator[Truststore]:
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    monkeypatch.delenv(rds_ca.OWN_BUNDLE, raising=False)
    with Truststore() as server:
        monkeypatch.setattr(rds_ca, "BUNDLES", server.url)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a cache that has none yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "stages" / "rds" / f"{REGION}.pem"


def error_text(thumbprint: str = THUMBPRINT) -> str:
    with pytest.raises(UserError) as caught:
        rds_ca.provide(REGION, {thumbprint})
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_without_a_folder_of_its_own_it_is_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert rds_ca.file(REGION) == tmp_path / ".cache" / "stages" / "rds" / f"{REGION}.pem"


def test_the_address_is_the_documented_one() -> None:
    assert rds_ca.BUNDLES == "https://truststore.pki.rds.amazonaws.com"


def test_the_one_certificate_is_taken_from_the_bundle(truststore: Truststore, kept: Path) -> None:
    rds_ca.provide(REGION, {THUMBPRINT})
    assert truststore.asked == [PAGE]
    assert kept.read_text() == WANTED
    assert list(kept.parent.iterdir()) == [kept], "nothing is left beside it"


def test_one_that_is_there_is_not_fetched_again(truststore: Truststore, kept: Path) -> None:
    rds_ca.provide(REGION, {THUMBPRINT})
    rds_ca.provide(REGION, {"ab" * 20, THUMBPRINT})
    assert truststore.asked == [PAGE]


@pytest.mark.parametrize("content", [OTHERS[0], BROKEN, WANTED[:200], ""])
def test_another_one_that_is_there_is_replaced(
    truststore: Truststore, kept: Path, content: str
) -> None:
    kept.parent.mkdir(parents=True)
    kept.write_text(content)
    rds_ca.provide(REGION, {THUMBPRINT})
    assert kept.read_text() == WANTED


def test_a_bundle_that_the_user_brings_needs_no_network(
    truststore: Truststore, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.pem"
    own.write_text(OTHERS[0] + WANTED)
    monkeypatch.setenv("STAGES_RDS_CA", str(own))
    rds_ca.provide(REGION, {THUMBPRINT})
    assert kept.read_text() == WANTED
    assert truststore.asked == []


def test_a_bundle_that_the_user_brings_is_compared_as_well(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.pem"
    own.write_text(OTHERS[0])
    monkeypatch.setenv("STAGES_RDS_CA", str(own))
    assert error_text() == (
        f"{own}: should hold the certificate with the thumbprint that RDS tells ({THUMBPRINT}), got"
        f" others.{REMEDY}"
    )
    assert not kept.exists()


def test_a_bundle_of_the_user_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGES_RDS_CA", "/nowhere/bundle.pem")
    assert error_text() == (
        "STAGES_RDS_CA: should be the path of a bundle of certificates, got '/nowhere/bundle.pem'"
        " (No such file or directory). Unset it to have the bundle from"
        " https://truststore.pki.rds.amazonaws.com."
    )


def test_a_bundle_without_the_certificate(truststore: Truststore, kept: Path) -> None:
    kept.parent.mkdir(parents=True)
    kept.write_text("as it was")
    assert error_text("ab" * 20) == (
        f"{truststore.url}{PAGE}: should hold the certificate with the thumbprint that RDS tells"
        f" ({'ab' * 20}), got others.{REMEDY}"
    )
    assert kept.read_text() == "as it was"


def test_a_region_without_a_bundle(truststore: Truststore, kept: Path) -> None:
    truststore.pages.clear()
    assert error_text() == (
        f"{truststore.url}{PAGE}: should hold the authorities of RDS in eu-central-1, got HTTP 403."
        f"{REMEDY}"
    )
    assert not kept.exists()


def test_no_network(kept: Path, monkeypatch: pytest.MonkeyPatch, truststore: Truststore) -> None:
    with socket.socket() as closed:  # bound and not listening: refuses
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setattr(rds_ca, "BUNDLES", url)
        assert error_text() == (
            f"{url}{PAGE}: should hold the authorities of RDS in eu-central-1, got no answer"
            f" (Connection refused).{REMEDY}"
        )
    assert not kept.exists()


def test_a_server_that_is_silent_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, truststore: Truststore
) -> None:
    monkeypatch.setattr(rds_ca, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(rds_ca, "BUNDLES", url)
        end = threading.Timer(20, silent.close)  # one that waits is told something else
        end.start()
        assert error_text() == (
            f"{url}{PAGE}: should hold the authorities of RDS in eu-central-1, got no answer"
            f" (timed out).{REMEDY}"
        )
        end.cancel()


def test_an_answer_that_is_no_http(truststore: Truststore) -> None:
    truststore.garbled = True
    assert error_text() == (
        f"{truststore.url}{PAGE}: should hold the authorities of RDS in eu-central-1, got no answer"
        f" (BadStatusLine).{REMEDY}"
    )


def test_a_cache_that_cannot_be_written_keeps_nothing(truststore: Truststore, kept: Path) -> None:
    kept.mkdir(parents=True)
    assert error_text() == (
        f"{kept}: should be a file that you can write, got Is a directory. Make room for it, or set"
        " XDG_CACHE_HOME to another folder."
    )
    assert list(kept.parent.iterdir()) == [kept], "nothing is left beside it"


def in_a_program(*, preview: bool) -> str:
    """What the program is given."""
    authorities: list[str] = []
    graph.of(lambda: authorities.append(rds_ca.authority(REGION)), preview=preview)
    return authorities[0]


@pytest.mark.parametrize("preview", [True, False])
def test_the_program_is_given_what_is_there(
    truststore: Truststore, kept: Path, preview: bool
) -> None:
    rds_ca.provide(REGION, {THUMBPRINT})
    assert in_a_program(preview=preview) == WANTED


def test_a_preview_does_without() -> None:
    assert in_a_program(preview=True) == (
        "The authority of RDS in eu-central-1 is not on this machine yet."
    )


def test_a_deployment_is_refused_without(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulumi.get_stack", lambda: "aws-stage2")
    with pytest.raises(UserError) as caught:
        in_a_program(preview=False)
    assert str(caught.value) == (
        f"{kept}: should hold the authority of RDS in eu-central-1, got no readable file."
        " `make preview STACK=aws-stage2` puts it there."
    )


def test_an_offline_plan_needs_no_network(truststore: Truststore) -> None:
    assert planned("aws-stage2").resources
    with pytest.raises(UserError, match="should hold the authority of RDS"):
        settled("aws-stage2")
    assert truststore.asked == []
