"""What the app's processes and the services around them logged, in one stream.

Any user of the host may log under any tag. Lines are taken by unit: the journal's own word.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from components.errors import HostUnreachable, StepFailed
from components.remote import ssh as remote
from components.visible import visible, visible_json
from scripts.lib import ssh
from scripts.lib.process_names import process_name, short_name

FIELDS = "MESSAGE,UNIT,_SYSTEMD_UNIT,_PID"
NO_MATCH = 1
"""journalctl's exit code where ``--grep`` finds nothing."""


@dataclass(frozen=True)
class Line:
    """One line of a log."""

    at: str
    """In UTC: ``2026-11-29T07:31:02.123Z``."""
    process: str
    unit: str
    text: str

    def __str__(self) -> str:
        name = short_name(self.unit)
        return f"{self.at[:19].replace('T', ' ')} {name}: {self.text}"

    def json(self) -> str:
        return visible_json(asdict(self), indent=None)


def command(
    units: Sequence[str], *, follow: bool, lines: int | None, since_s: float | None, grep: str
) -> str:
    """The command line for the host."""
    argv = ["sudo", "-n", "journalctl", "--no-pager", "--quiet", "--all", "--output=json"]
    argv += [f"--output-fields={FIELDS}", *(f"--unit={unit}" for unit in units)]
    argv += ["--follow"] if follow else []
    argv += [f"--since=@{since_s:.0f}"] if since_s is not None else []
    argv += [f"--lines={'all' if lines is None else lines}"]
    argv += [f"--grep={grep}"] if grep else []
    return shlex.join(argv)


def stream(way_in: Mapping[str, Any], stack: str, line: str) -> Iterator[Line]:
    """Run the command and yield each line as it comes; raises ``UserError`` where it fails."""
    where = ssh.target(way_in)
    with (
        remote.folder(where) as folder,
        subprocess.Popen(
            remote.argv(where, folder, line),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        assert process.stdout is not None and process.stderr is not None  # noqa: S101
        try:
            for raw in process.stdout:
                if parsed := parse(raw):
                    yield parsed
        except BaseException:  # an interrupt, or nobody reads on
            process.terminate()
            raise
        stderr = process.stderr.read().decode(errors="replace")
    if process.returncode not in {0, NO_MATCH} or stderr.strip():
        raise _failure(stack, process.returncode, stderr)


def _failure(stack: str, code: int, stderr: str) -> StepFailed:
    error = remote.classify(code, stderr)
    if isinstance(error, remote.SshError):
        return HostUnreachable(
            f"Stack {stack}: the app server should answer over SSH, got {str(error)!r}",
            f"`make status STACK={stack}` shows the rest of the stack.",
        )
    return StepFailed(f"Stack {stack}: the journal refused: {error}")


def parse(raw: bytes) -> Line | None:
    """Read a line of ``journalctl --output=json``; ``None`` for one that is none."""
    try:
        record = json.loads(raw)
        moment = datetime.fromtimestamp(int(record["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
    except (ValueError, LookupError, TypeError, OverflowError):
        return None
    own = record.get("_PID") == "1" and record.get("UNIT")
    unit, message = str(own or record.get("_SYSTEMD_UNIT") or ""), record.get("MESSAGE")
    if isinstance(message, list):  # bytes that are no text
        message = bytes(byte & 255 for byte in message if isinstance(byte, int)).decode(
            errors="replace"
        )
    return Line(
        at=moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        process=process_name(unit) if "." in unit else "",
        unit=unit,
        text=visible(str(message or "")).rstrip("\n"),
    )
