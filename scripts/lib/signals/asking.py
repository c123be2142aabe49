"""What a stack's app server has in its journal about a period, asked over the operator's SSH.

The same way on every cloud: ``scripts/lib/ssh.py`` knows how a host is reached. Reads only.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from components.errors import HostUnreachable
from components.host.agent.report import RUN_TAG
from components.host.backups import PROGRAM, STATE_AS_OWNER
from components.host.samples import UNIT
from components.visible import in_one_line
from scripts.lib import backup_state, ssh
from scripts.lib.signals import report
from scripts.lib.signals.evidence import FAILURE, Evidence, read

TIMEOUT_S = 120
"""A week of samples is 2.5 MB."""
MARK = "--- events"
BACKUPS = "--- backups"


def ask(stack: str, values: Mapping[str, Any], since: float, until: float) -> Evidence:
    """Ask the host of a stack with these outputs; raise ``UserError`` when it does not answer."""
    done = ssh.run(values, [command(since)], timeout_s=TIMEOUT_S, capture=True)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1].rstrip(".")
        raise HostUnreachable(
            f"Stack {stack}: the app server should answer over SSH, got {reason!r}",
            f"`make status STACK={stack}` shows the rest of the stack.",
        )
    samples, _, rest = done.stdout.partition(MARK)
    events, _, backup_text = rest.partition(BACKUPS)
    return replace(read(samples, events, since, until), backups=_state(backup_text))


def _state(text: str) -> dict[str, Any]:
    """How the backups are, as their program says it; empty for a server without any."""
    try:
        state: dict[str, Any] = in_one_line(json.loads(text or "{}"))
        backup_state.state(state)
        report.proof_of(state)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        return {}  # it is none of this program's
    return state


def command(since: float) -> str:
    """The shell command for the host: samples as they are, then runs and failures with times.

    Any user of the host may log under any tag. Fields that begin with ``_`` are journald's own
    word on who sent a line (systemd.journal-fields(7)), so each match has one.
    """
    journal = f"sudo journalctl --no-pager --quiet --since=@{since:.0f}"
    return (
        f"{journal} -o cat _SYSTEMD_UNIT={UNIT}; echo; echo '{MARK}';"
        f" {journal} -o json --output-fields=SYSLOG_IDENTIFIER,MESSAGE,MESSAGE_ID,UNIT,UNIT_RESULT"
        f" _UID=0 SYSLOG_IDENTIFIER={RUN_TAG} + _PID=1 MESSAGE_ID={FAILURE}; echo '{BACKUPS}';"
        f" [ ! -x {PROGRAM} ] || sudo sh -c {shlex.quote(STATE_AS_OWNER)} || true"
    )
