"""What is in a bucket of Spaces, asked by S3's protocol with the operator's own key.

DigitalOcean's API knows no bucket. ``SPACES_ACCESS_KEY_ID`` and ``SPACES_SECRET_ACCESS_KEY`` are
the provider's own variables, which a stack with a bucket needs in any case.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

from components.clouds.digitalocean.account.api import NotFound, Unreachable

KEY_ID = "SPACES_ACCESS_KEY_ID"
SECRET = "SPACES_SECRET_ACCESS_KEY"  # noqa: S105 - the name of a variable
TIMEOUT_S = 20
_EMPTY = hashlib.sha256(b"").hexdigest()


def sizes(bucket: Mapping[str, Any]) -> Iterator[int]:
    """Bytes of every object and earlier version of a bucket in the state; 0 for a mark that hides
    one. Raises :class:`NotFound` or :class:`Unreachable`."""
    region = str((bucket.get("outputs") or {}).get("region"))
    host = f"{region}.digitaloceanspaces.com"
    path = f"/{urllib.parse.quote(str(bucket['id']), safe='')}"
    more: dict[str, str] = {}
    while True:
        answer = _get(host, path, {"versions": "", **more}, region)
        yield from (int(size) for size in re.findall("<Size>([0-9]+)</Size>", answer))
        yield from (0 for _ in re.findall("<DeleteMarker>", answer))
        if "<IsTruncated>true</IsTruncated>" not in answer:
            return
        more = {
            "key-marker": _text(answer, "NextKeyMarker"),
            "version-id-marker": _text(answer, "NextVersionIdMarker"),
        }


def _text(answer: str, name: str) -> str:
    match = re.search(f"<{name}>([^<]*)</{name}>", answer)
    return unescape(match[1]) if match else ""


def _get(host: str, path: str, query: Mapping[str, str], region: str) -> str:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    line = urllib.parse.urlencode(sorted(query.items()), quote_via=urllib.parse.quote, safe="-_.~")
    key_id, secret = os.environ.get(KEY_ID, "").strip(), os.environ.get(SECRET, "").strip()
    if not key_id or not secret:
        raise Unreachable(f"{KEY_ID} and {SECRET} are not set")
    request = urllib.request.Request(
        f"https://{host}{path}?{line}",
        headers=signed(host, path, line, region, key_id, secret, now),
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return str(answer.read().decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise NotFound(path) from None
        raise Unreachable(f"Spaces answers {error.code}") from None
    except (OSError, ValueError) as error:
        raise Unreachable(f"Spaces does not answer ({error})") from None


def signed(
    host: str, path: str, query: str, region: str, key_id: str, secret: str, now: str
) -> dict[str, str]:
    """The headers of a GET, signed as S3 wants it: AWS's Signature Version 4.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    """
    names = "host;x-amz-content-sha256;x-amz-date"
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    headers = f"host:{host}\nx-amz-content-sha256:{_EMPTY}\nx-amz-date:{now}\n"
    wanted = f"GET\n{path}\n{query}\n{headers}\n{names}\n{_EMPTY}"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(wanted.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in (now[:8], region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {
        "Authorization": f"AWS4-HMAC-SHA256 {credential}",
        "x-amz-content-sha256": _EMPTY,
        "x-amz-date": now,
    }
