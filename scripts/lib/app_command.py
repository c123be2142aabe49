"""A command of the operator's on the app server, run as the app: in its release, as confined."""

from __future__ import annotations

import contextlib
import secrets
import shlex
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any

from components.errors import Interrupted
from components.host import app
from components.presets.preset import presets
from components.remote import ssh as remote
from components.visible import visible
from scripts.lib import ssh

LONGEST_S = 24 * 3600
"""What its operator lost sight of ends then."""
PLAIN = ("env", "SYSTEMD_ADJUST_TERMINAL_TITLE=0", "SYSTEMD_TINT_BACKGROUND=0")
"""Or systemd-run changes title and background of the terminal."""
_BY_PRESET = "".join(
    f"elif [ -e {preset.console_file} ]; then exec {preset.console}\n"
    for preset in presets().values()
    if preset.console
)
CONSOLE = f"""\
if line=$(sed -n 's/^console:[[:space:]]*//p' Procfile) && [ -n "$line" ]; then exec bash -c "$line"
{_BY_PRESET}\
else echo 'This app has no console: write a `console:` line into its Procfile.' >&2; exit 2; fi
"""


def words_of(command: Sequence[str]) -> list[str]:
    """One word is a line for bash, as in a Procfile; several arrive as they are."""
    return ["/bin/bash", "-c", command[0]] if len(command) == 1 else list(command)


def command_line(words: Sequence[str], unit: str, stack: str, *, terminal: bool) -> str:
    """The line for the server's shell: a unit of its own with all that the app's processes have."""
    lacking = (
        f"The server of {stack} was brought up before it knew commands of the app: run `make up"
        f" STACK={stack}`."
    )
    argv = ["sudo", "-n", *(PLAIN if terminal else ())]
    argv += ["systemd-run", "--quiet", "--wait", "--collect"]
    argv += ["--pty" if terminal else "--pipe", f"--unit={unit}", f"--uid={app.USER}"]
    argv += [f"--property=RuntimeMaxSec={LONGEST_S}", "--expand-environment=no"]
    argv += ["--", app.RUN, "--command", *words]
    check = f"test -e {app.COMMANDS} || {{ echo {shlex.quote(lacking)} >&2; exit 2; }}"
    return f"{check}; exec {shlex.join(argv)}"


def run(way_in: Mapping[str, Any], stack: str, words: Sequence[str], *, hears: bool) -> int:
    """Run it; return its exit code. On a terminal it has one too.

    ``hears``: it is given standard input even where that is no terminal.
    """
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    unit = f"stages-run-{secrets.token_hex(4)}.service"
    line = command_line(words, unit, stack, terminal=terminal)
    where = ssh.target(way_in)
    with remote.folder(where) as folder:
        argv = remote.interactive_argv(where, folder)
        argv[1:1] = ["-tt"] if terminal else ["-T"]
        streams: dict[str, Any] = {}
        if not terminal:
            # A terminal that is not the app's own is shown its text, not its control characters.
            streams = {
                "stdin": None if hears or sys.stdin.isatty() else subprocess.DEVNULL,
                "stdout": subprocess.PIPE if sys.stdout.isatty() else None,
                "stderr": subprocess.PIPE if sys.stderr.isatty() else None,
            }
        process = subprocess.Popen([*argv, "--", line], **streams)
        readers = [
            threading.Thread(target=_show, args=pair)
            for pair in ((process.stdout, sys.stdout), (process.stderr, sys.stderr))
            if pair[0] is not None
        ]
        for reader in readers:
            reader.start()
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.kill()
            ssh.run(way_in, [f"sudo -n systemctl stop {unit}"], capture=True, timeout_s=30)
            raise Interrupted("Stopped, on its server as well.") from None
        finally:
            with contextlib.suppress(OSError):
                process.wait()
            for reader in readers:
                reader.join()
    return code


def _show(stream: IO[bytes], out: IO[str]) -> None:
    for line in stream:
        out.write(visible(line.decode(errors="replace")))
        out.flush()
