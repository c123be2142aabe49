"""Whoever believes a line of the journal asks journald who wrote it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
FORGEABLE = re.compile(r"\b(MESSAGE_ID|SYSLOG_IDENTIFIER|UNIT)=\{|\"-t\", |\"--identifier| -t \{")
"""Matches by fields that every user of a host may set, with ``logger`` for example."""
TRUSTED = re.compile(r"\b_(PID|UID|SYSTEMD_UNIT)=|--unit=|\"-u\"")


def test_no_match_is_by_forgeable_fields_alone() -> None:
    argv = ["git", "ls-files", "-co", "--exclude-standard", "components", "scripts"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    asking = [
        (path, line.strip())
        for path in done.stdout.split()
        if path.endswith((".py", ".j2", ".sh"))
        and "journalctl" in (text := (ROOT / path).read_text(encoding="utf-8"))
        for line in text.splitlines()
        if FORGEABLE.search(line)
    ]
    assert asking
    assert [command for command in asking if not TRUSTED.search(command[1])] == []
