"""What the host sends to CloudWatch: measured, signed, and named as the alarms expect it.

The signature is compared with botocore's own. That the service runs is shown on a real host
(``tests/real/test_first_contact.py``); that AWS takes it, nowhere.
"""

from __future__ import annotations

import calendar
import importlib.util
import os
import shutil
import subprocess
import time
import urllib.parse
from pathlib import Path
from types import ModuleType

import pytest
from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]

from components.clouds.aws.resources import host_metrics
from tests.support import authorities
from tests.support.planned import only, planned, settled

EMAIL = "ops@example.com"
HOST = "stages:HostConfiguration"
MOMENT = "20261122T194410Z"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "on_the_host", host_metrics.FILES / "host_metrics.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ON_HOST = script()


@pytest.mark.parametrize(
    ("stack", "metrics"),
    [
        (
            "aws-stage1",
            {"memory_used_percent", "troubles", "disk_used_percent", "data_used_percent"},
        ),
        ("aws-stage2", {"memory_used_percent", "troubles", "disk_used_percent"}),
    ],
)
def test_every_metric_with_an_alarm_is_sent_under_the_namespace_that_may_be_written(
    stack: str, metrics: set[str]
) -> None:
    with authorities.known("us-east-1"):
        plan = settled(stack, alarms__email=EMAIL).plan
    watched = {
        resource["inputs"]["metricName"]: resource["inputs"]
        for resource in plan.resources
        if resource["type"].endswith(":MetricAlarm")
        and resource["inputs"]["namespace"].startswith("stages/")
    }
    assert set(watched) == metrics
    files = only(plan, HOST)["inputs"]["files"]
    (command,) = [
        line.removeprefix("ExecStart=").split()
        for line in files["/etc/systemd/system/host-metrics.service"]["content"].splitlines()
        if line.startswith("ExecStart=")
    ]
    sent = {argument.partition("=")[0] for argument in command[2:]}
    assert (command[0], sent) == (host_metrics.SCRIPT, metrics)
    assert files[host_metrics.SCRIPT]["mode"] == "0755"
    for alarm in watched.values():
        assert alarm["namespace"] == command[1] == f"stages/{stack}"
        assert "dimensions" not in alarm, "the host sends none"
        assert alarm["treatMissingData"] == "missing"
    silent = {name for name, alarm in watched.items() if alarm.get("insufficientDataActions")}
    assert silent == {"memory_used_percent"}, "one message when the host falls silent"


def test_without_alarms_nothing_is_sent() -> None:
    inputs = only(planned("aws-stage1"), HOST)["inputs"]
    assert not [path for path in inputs["files"] if "metrics" in path]
    assert not [service for service in inputs["services"] if "metrics" in service["unit"]]


def test_memory_is_what_new_processes_cannot_have() -> None:
    meminfo = "MemTotal:  4000 kB\nMemFree:  100 kB\nMemAvailable:  1000 kB\nHugePages_Total: 0\n"
    assert ON_HOST.memory_used_percent(meminfo) == 75
    assert 0 < ON_HOST.memory_used_percent(Path("/proc/meminfo").read_text()) < 100


def test_a_disk_is_counted_as_df_counts_it(tmp_path: Path) -> None:
    total, used, free = shutil.disk_usage(tmp_path)
    assert ON_HOST.disk_used_percent(str(tmp_path)) == pytest.approx(
        100 * used / (used + free), abs=0.5
    )
    assert used + free <= total


TOOLS = {
    "systemctl": """
case "$1" in
list-units) printf 'backups.service loaded failed failed Backups\\n\\n' ;;
show) printf 'Id=backups.timer\\nLoadState=loaded\\nActiveState=%s\\n\\n' "$TIMER"
      printf 'Id=certbot.timer\\nLoadState=not-found\\nActiveState=inactive\\n' ;;
esac
""",
    "journalctl": """
for unit in worker@worker-1 worker@worker-1 web@8000 worker@worker-1; do
    printf '{"UNIT": "%s.service", "__REALTIME_TIMESTAMP": "1"}\\n' $unit
done
""",
}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for systemd's tools, with the output that those of Debian 13 have."""
    for name, script in TOOLS.items():
        (tmp_path / name).write_text(f"#!/bin/sh{script}")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("TIMER", "active")
    return tmp_path


def test_what_failed_and_what_crashes_again_and_again_is_a_trouble(tools: Path) -> None:
    nowhere = tools / "none.pem"
    assert ON_HOST.troubles(nowhere) == [
        "backups.service failed",
        "worker@worker-1.service crashes again and again",
    ]


def test_a_timer_that_does_not_run_is_one(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMER", "inactive")
    assert "backups.timer is inactive" in ON_HOST.troubles(tools / "none.pem")


@pytest.mark.parametrize(("days", "trouble"), [(9, True), (11, False)])
def test_a_certificate_that_ends_is_one(tools: Path, days: int, trouble: bool) -> None:
    file = tools / "fullchain.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    argv += [
        "-noenc",
        "-days",
        str(days),
        "-subj",
        "/CN=x",
        "-keyout",
        os.devnull,
        "-out",
        str(file),
    ]
    subprocess.run(argv, check=True, capture_output=True)
    assert ("the certificate ends within 10 days" in ON_HOST.troubles(file)) is trouble


def test_what_is_not_known_is_no_trouble(tools: Path) -> None:
    (tools / "systemctl").write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2; exit 1\n")
    with pytest.raises(OSError, match="systemctl: Failed to connect to bus"):
        ON_HOST.troubles(tools / "none.pem")


def test_the_request_says_what_put_metric_data_takes() -> None:
    body = ON_HOST.request_body(
        "stages/aws-stage1", {"memory": 12.345, "disk": 80.0}, {"troubles": 2}
    )
    assert dict(urllib.parse.parse_qsl(body)) == {
        "Action": "PutMetricData",
        "Version": "2010-08-01",
        "Namespace": "stages/aws-stage1",
        "MetricData.member.1.MetricName": "memory",
        "MetricData.member.1.Unit": "Percent",
        "MetricData.member.1.Value": "12.35",
        "MetricData.member.2.MetricName": "disk",
        "MetricData.member.2.Unit": "Percent",
        "MetricData.member.2.Value": "80.00",
        "MetricData.member.3.MetricName": "troubles",
        "MetricData.member.3.Unit": "Count",
        "MetricData.member.3.Value": "2",
    }


def test_the_signature_is_the_one_that_botocore_makes() -> None:
    host = "monitoring.eu-central-1.amazonaws.com"
    body = ON_HOST.request_body("stages/s", {"memory_used_percent": 1}, {})
    own = ON_HOST.Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "to/ken==")
    now_s = calendar.timegm(time.strptime(MOMENT, "%Y%m%dT%H%M%SZ"))
    headers = ON_HOST.signed(body, host, "eu-central-1", own, now_s)
    assert headers["x-amz-date"] == MOMENT
    assert signature(body, headers, own, "eu-central-1") in headers["authorization"]
    assert signature(body + "x", headers, own, "eu-central-1") not in headers["authorization"]


def signature(body: str, headers: dict[str, str], own: tuple[str, ...], region: str) -> str:
    """What botocore signs the same request with."""
    signer = SigV4Auth(Credentials(*own), "monitoring", region)
    names = ("content-type", "host", "x-amz-date", "x-amz-security-token")
    request = AWSRequest("POST", f"https://{headers['host']}/", data=body)
    for name in names:
        request.headers[name] = headers[name]
    request.context["timestamp"] = headers["x-amz-date"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return f"Signature={signer.signature(text, request)}"
