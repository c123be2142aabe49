"""What is in a bucket of Spaces: signed as S3 wants it, counted page by page."""

from __future__ import annotations

import io
import urllib.request
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]

from components.clouds.digitalocean.account import operations, spaces

BUCKET = {
    "type": "digitalocean:index/spacesBucket:SpacesBucket",
    "urn": "bucket",
    "id": "shop-backups",
    "outputs": {"region": "fra1", "forceDestroy": False},
}
PAGES = [
    "<Version><Size>1073741824</Size></Version><IsTruncated>true</IsTruncated>"
    "<NextKeyMarker>a &amp; b/ü</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>",
    "<Version><Size>536870912</Size></Version><DeleteMarker></DeleteMarker>"
    "<IsTruncated>false</IsTruncated>",
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The requests; the answers are ``PAGES``, one after the other."""
    seen: list[Any] = []

    def urlopen(request: Any, timeout: int) -> io.BytesIO:
        seen.append(request)
        return io.BytesIO(PAGES[len(seen) - 1].encode())

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setenv(spaces.KEY_ID, "key")
    monkeypatch.setenv(spaces.SECRET, "secret")
    return seen


def test_every_page_is_signed_as_amazons_own_library_signs_it(asked: list[Any]) -> None:
    assert operations.stored([BUCKET]) == {"bucket": "1.50 GiB in 3 objects and versions"}
    assert [request.full_url for request in asked] == [
        "https://fra1.digitaloceanspaces.com/shop-backups?versions=",
        "https://fra1.digitaloceanspaces.com/shop-backups?key-marker=a%20%26%20b%2F%C3%BC"
        "&version-id-marker=v1&versions=",
    ]
    for request in asked:
        theirs = AWSRequest(
            "GET", request.full_url, headers={"X-Amz-Content-SHA256": spaces._EMPTY}
        )
        signer = S3SigV4Auth(Credentials("key", "secret"), "s3", "fra1")
        theirs.context["timestamp"] = request.headers["X-amz-date"]
        theirs.headers["X-Amz-Date"] = request.headers["X-amz-date"]
        scope = signer.string_to_sign(theirs, signer.canonical_request(theirs))
        assert request.headers["Authorization"].endswith(signer.signature(scope, theirs))


def test_a_bucket_that_holds_something_is_not_deleted(asked: list[Any]) -> None:
    assert operations.undeletable([BUCKET]) == {
        "bucket": "it holds objects or earlier versions: destroy it at"
        " https://cloud.digitalocean.com/spaces/shop-backups"
    }
    assert operations.undeletable([{**BUCKET, "protect": True}]) == {}


def test_without_a_key_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(spaces.KEY_ID, raising=False)
    assert operations.stored([BUCKET]) == {}
    assert operations.undeletable([BUCKET]) == {
        "bucket": "whether it is empty is not known: SPACES_ACCESS_KEY_ID and"
        " SPACES_SECRET_ACCESS_KEY are not set"
    }
