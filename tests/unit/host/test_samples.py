"""What the sampler makes of Nginx's log. The rest of it is shown on a real host (real/signals)."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from components.host import nginx
from components.host.files.samples import sample

HEAD = '192.0.2.1 - - [22/Nov/2026:23:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" '


def line(status: int, by: str, agent: str = "curl", at: int = 1000, took: float = 0.01) -> str:
    return f'{HEAD}"{agent}" at={at}.123 status={status} took={took:.3f} by=[{by}]'


def test_the_format_of_the_site_is_the_one_that_is_read() -> None:
    (site,) = [file for file in nginx.nginx(web_ports=[8001]).files if file.path == nginx.SITE]
    (last,) = re.findall(r"'(at=.*)';", site.content)
    for name, value in (
        ("$msec", "1000.123"),
        ("$status", "200"),
        ("$request_time", "0.010"),
        ("$upstream_status", "502, 200"),
    ):
        last = last.replace(name, value)
    assert sample.LINE.search(f"{HEAD}{last}")
    assert " stages;" in site.content


def test_nothing_is_known_without_a_request() -> None:
    nothing: dict[str, object] = {"requests": 0, "page_ms": None, "refused": []}
    assert sample.requests([]) == nothing
    assert sample.requests([line(301, "-"), line(200, ""), "2026 [error] upstream"]) == nothing


def test_requests_and_what_19_of_20_took() -> None:
    lines = [line(200, "200", took=number / 1000) for number in range(1, 101)]
    assert sample.requests(lines) == {"requests": 100, "page_ms": 95.0, "refused": []}
    assert sample.requests([line(200, "200", took=0.5)])["page_ms"] == 500.0


@pytest.mark.parametrize(
    ("status", "by", "refused"),
    [
        (503, "502, 502", True),
        (503, "502", True),
        (503, "504", True),
        (503, "502, 502 : -", True),
        (200, "502, 200", False),  # the next process took it
        (503, "503", False),  # the app's own
        (502, "502", False),  # the app's own
        (503, "502, 503", False),
    ],
)
def test_what_counts_as_refused(status: int, by: str, refused: bool) -> None:
    counts = sample.requests([line(status, by), line(status, by, at=1000), line(200, "200")])
    assert counts["refused"] == ([1000] if refused else [])


@pytest.mark.parametrize(
    "agent",
    ["x at=1.1 status=503 took=1 by=[502]", "x at=1.1 status=503 took=1 by=[", "] at=2.0 by=[502]"],
)
def test_a_client_cannot_write_its_own_line(agent: str) -> None:
    for status in (200, 502):
        assert sample.requests([line(status, str(status), agent)])["refused"] == []


def test_a_client_cannot_end_a_line_of_the_error_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That log is cut off at 2048 bytes, in the middle of what a client says."""
    tool = tmp_path / "journalctl"
    tool.write_text(
        "#!/bin/sh\ncase \" $* \" in *' PRIORITY=6 '*) ;; *)"
        " echo '[warn] buffered, referrer: \"x at=1000.1 status=503 took=1 by=[502]' ;; esac\n"
    )
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert sample.requests(sample.log_since(tmp_path / "cursor"))["refused"] == []
    (site,) = [file for file in nginx.nginx(web_ports=[8001]).files if file.path == nginx.SITE]
    assert re.search(r"access_log syslog:\S*severity=info stages;", site.content)
