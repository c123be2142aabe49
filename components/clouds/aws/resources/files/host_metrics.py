#!/usr/bin/python3
"""Sends this host's use of memory and disks to CloudWatch, in percent. Runs on the host, as root.

    host_metrics.py NAMESPACE MEMORY_METRIC [DISK_METRIC=MOUNT ...]

The credentials are those of the instance's role, asked of the metadata address (IMDSv2) each time:
they change within hours, and rest nowhere. Python's own library alone: Debian has no agent.

Exit codes: 0 sent; 1 not sent, or a disk is not mounted (the others were sent all the same).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import NamedTuple

METADATA = "http://169.254.169.254/latest"
TIMEOUT_S = 10
TOKEN_S = "60"  # noqa: S105 - a time
"""How long the metadata token is good for: one run."""
VERSION = "2010-08-01"


class Credentials(NamedTuple):
    key_id: str
    secret: str
    token: str


def memory_used_percent(meminfo: str) -> float:
    """What is not available to new processes, of ``/proc/meminfo``."""
    kib = {line.split(":")[0]: int(line.split()[1]) for line in meminfo.splitlines() if line}
    return 100 * (1 - kib["MemAvailable"] / kib["MemTotal"])


def disk_used_percent(mount: str) -> float:
    """As ``df`` counts: what root alone may use is neither free nor the disk's."""
    stats = os.statvfs(mount)
    used = stats.f_blocks - stats.f_bfree
    return 100 * used / (used + stats.f_bavail)


def request_body(namespace: str, percents: dict[str, float]) -> str:
    """The form of one PutMetricData; the time of a value is when it arrives."""
    fields = {"Action": "PutMetricData", "Version": VERSION, "Namespace": namespace}
    for number, (name, percent) in enumerate(percents.items(), start=1):
        member = f"MetricData.member.{number}"
        fields[f"{member}.MetricName"] = name
        fields[f"{member}.Unit"] = "Percent"
        fields[f"{member}.Value"] = f"{percent:.2f}"
    return urllib.parse.urlencode(fields)


def signed(
    body: str, host: str, region: str, credentials: Credentials, now_s: float
) -> dict[str, str]:
    """The headers of a POST to ``/`` with AWS's signature, version 4.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "host": host,
        "x-amz-date": moment,
        "x-amz-security-token": credentials.token,
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"POST\n/\n\n{lines}\n{names}\n{_sha256(body)}"
    scope = f"{moment[:8]}/{region}/monitoring/aws4_request"
    key = f"AWS4{credentials.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{_sha256(canonical)}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.key_id}/{scope},"
        f" SignedHeaders={names}, Signature={signature}"
    )
    return headers


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _metadata() -> tuple[str, Credentials]:
    """The host's region and its role's credentials."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(path: str, method: str, headers: dict[str, str]) -> str:
        where = f"{METADATA}/{path}"
        request = urllib.request.Request(where, headers=headers, method=method)  # noqa: S310
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return str(answer.read().decode())

    lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": TOKEN_S}
    token = {"X-aws-ec2-metadata-token": ask("api/token", "PUT", lifetime)}
    region = ask("meta-data/placement/region", "GET", token)
    roles = "meta-data/iam/security-credentials"
    role = ask(f"{roles}/", "GET", token).splitlines()[0]
    keys = json.loads(ask(f"{roles}/{role}", "GET", token))
    return region, Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"])


def main(namespace: str, memory_metric: str, *disks: str) -> int:
    """Measure, then send; say in one line what went wrong."""
    percents = {memory_metric: memory_used_percent(Path("/proc/meminfo").read_text())}
    absent = []
    for metric, _, mount in (disk.partition("=") for disk in disks):
        if os.path.ismount(mount):
            percents[metric] = disk_used_percent(mount)
        else:
            absent.append(mount)
    try:
        region, credentials = _metadata()
        host = f"monitoring.{region}.amazonaws.com"
        body = request_body(namespace, percents)
        headers = signed(body, host, region, credentials, time.time())
        request = urllib.request.Request(f"https://{host}/", body.encode(), headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310
            pass
    except urllib.error.HTTPError as refused:
        reply = " ".join(refused.read(500).decode(errors="replace").split())
        print(f"{refused.url}: {refused.code} {refused.reason} {reply}", file=sys.stderr)
        return 1
    except (OSError, ValueError, LookupError) as problem:
        print(f"not sent: {problem!r}", file=sys.stderr)
        return 1
    if absent:
        print(f"not mounted: {', '.join(absent)}", file=sys.stderr)
    return 1 if absent else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
