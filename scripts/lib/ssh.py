"""The operator's own ssh to a stack's app server, by the stack's outputs."""

from __future__ import annotations

import math
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from components import outputs
from components.remote import power, ssh


def target(values: Mapping[str, Any]) -> ssh.Target:
    """Where the app server of a stack with these outputs is, and how it is known."""
    way = power.route(
        str(values[outputs.CLOUD]), str(values[outputs.SERVER_ID]), str(values[outputs.SSH_HOST])
    )
    return ssh.target(
        way,
        host_key=str(values[outputs.SSH_HOST_KEY]),
        login=str(values[outputs.SSH_USER]),
        private_key=str(values.get(outputs.SSH_PRIVATE_KEY) or ""),
    )


def command_line(words: Sequence[str]) -> str:
    """What the server's shell is given: one word is a line for it, several arrive as they are."""
    return words[0] if len(words) == 1 else shlex.join(words)


def run(
    values: Mapping[str, Any],
    command: Sequence[str] = (),
    *,
    timeout_s: float | None = None,
    capture: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a command on the app server, or a shell; the key rests in a folder that goes after it.

    A command reads standard input only from a terminal: in a script it would take what the script
    itself is read from. One whose output is captured reads nothing.
    """
    hears = not command or (sys.stdin.isatty() and not capture)
    where = target(values)
    timeout_s = timeout_s and timeout_s * where.patience
    with ssh.folder(where) as folder:
        argv = ssh.interactive_argv(where, folder)
        if capture:
            connect_s = math.ceil(5 * where.patience)
            argv[1:1] = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={connect_s}"]
        try:
            return subprocess.run(
                [*argv, *(("--", *command) if command else ())],
                stdin=None if hears else subprocess.DEVNULL,
                capture_output=capture,
                text=True,
                check=False,
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(argv, 255, "", f"no answer in {timeout_s:.0f} s")
