#!/usr/bin/python3
"""Sends this host's use of memory and disks to CloudWatch, in percent, and its troubles by number.

    host_metrics.py NAMESPACE MEMORY_METRIC TROUBLES_METRIC [DISK_METRIC=MOUNT ...]

Runs on the host, as root. A trouble is a unit that failed (a backup, the certificate's renewal) or
crashes again and again (a worker), a timer of these that does not run, a certificate that ends.

The credentials are those of the instance's role, asked of the metadata address (IMDSv2) each time:
they change within hours, and rest nowhere. Python's own library alone: Debian has no agent.

Exit codes: 0 sent; 1 not sent, or a disk is not mounted or the troubles are not known (the others
were sent all the same).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path
from typing import NamedTuple

METADATA = "http://169.254.169.254/latest"
TIMEOUT_S = 10
TOKEN_S = "60"  # noqa: S105 - a time
"""How long the metadata token is good for: one run."""
VERSION = "2010-08-01"
TIMERS = ("backups.timer", "backups-verify.timer", "certbot.timer", "file-backups.timer")
"""Those that a host does not have are not missed."""
CERTIFICATE = Path("/var/lib/stages-tls/served/fullchain.pem")
ENDS_S = 10 * 86400
LOOP_RESTARTS, LOOP_S = 3, 600
"""As many restarts by itself in as many seconds are a loop of crashes (scripts/lib/health.py)."""
RESTART_SCHEDULED = "5eb03494b6584870a536b337290809b3"
"""systemd's own id of the message that it starts a unit again (sd-messages.h)."""


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


def troubles(certificate: Path = CERTIFICATE) -> list[str]:
    """What is wrong with this host, each in a few words."""
    failed = _output("systemctl", "list-units", "--failed", "--no-legend", "--plain")
    shown = _output("systemctl", "show", "--property=Id,LoadState,ActiveState", *TIMERS)
    timers = [
        dict(line.split("=", 1) for line in block.splitlines()) for block in shown.split("\n\n")
    ]
    return [
        *(f"{line.split()[0]} failed" for line in failed.splitlines() if line.strip()),
        *(
            f"{timer['Id']} is {timer['ActiveState']}"
            for timer in timers
            if timer.get("LoadState") == "loaded" and timer["ActiveState"] != "active"
        ),
        *(f"{unit} crashes again and again" for unit in _looping()),
        *(["the certificate ends within 10 days"] if _ends(certificate) else []),
    ]


def _looping() -> list[str]:
    """Units that systemd has started again and again by itself; of process 1 alone, for any user
    may log a line with this id."""
    argv = ("journalctl", "--quiet", "_PID=1", f"MESSAGE_ID={RESTART_SCHEDULED}")
    lines = _output(*argv, f"--since=-{LOOP_S}s", "--output=json", "--output-fields=UNIT")
    restarts = Counter(str(json.loads(line).get("UNIT")) for line in lines.splitlines())
    return sorted(unit for unit, times in restarts.items() if times >= LOOP_RESTARTS)


def _ends(certificate: Path) -> bool:
    """Whether what Nginx serves ends soon; one that nobody vouches for lasts ten years."""
    if not certificate.exists():
        return False
    argv = ["openssl", "x509", "-noout", "-checkend", str(ENDS_S), "-in", str(certificate)]
    return _run(*argv).returncode != 0


def _output(*argv: str) -> str:
    """What a command prints; raises ``OSError`` where it has nothing but a complaint."""
    done = _run(*argv)
    if done.returncode != 0 and done.stderr.strip():
        raise OSError(f"{argv[0]}: {done.stderr.strip()}")
    return done.stdout


def _run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
        check=False,
    )


def request_body(namespace: str, percents: dict[str, float], counts: dict[str, int]) -> str:
    """The form of one PutMetricData; the time of a value is when it arrives."""
    fields = {"Action": "PutMetricData", "Version": VERSION, "Namespace": namespace}
    values = [
        *((name, "Percent", f"{percent:.2f}") for name, percent in percents.items()),
        *((name, "Count", str(count)) for name, count in counts.items()),
    ]
    for number, (name, unit, value) in enumerate(values, start=1):
        member = f"MetricData.member.{number}"
        fields[f"{member}.MetricName"] = name
        fields[f"{member}.Unit"] = unit
        fields[f"{member}.Value"] = value
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


def main(namespace: str, memory_metric: str, troubles_metric: str, *disks: str) -> int:
    """Measure, then send; say in one line what went wrong."""
    percents = {memory_metric: memory_used_percent(Path("/proc/meminfo").read_text())}
    counts = {}
    unknown = []
    try:
        present = troubles()
        counts[troubles_metric] = len(present)
        print("\n".join(present) or "no trouble")
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        unknown.append(f"troubles are not known: {problem}")
    for metric, _, mount in (disk.partition("=") for disk in disks):
        if os.path.ismount(mount):
            percents[metric] = disk_used_percent(mount)
        else:
            unknown.append(f"not mounted: {mount}")
    try:
        region, credentials = _metadata()
        host = f"monitoring.{region}.amazonaws.com"
        body = request_body(namespace, percents, counts)
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
    for lack in unknown:
        print(lack, file=sys.stderr)
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
