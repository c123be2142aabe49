"""The operator's own ssh to a stack's app server, by the stack's outputs."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components import host_power, outputs

ALIAS = "stages-app-server"
"""The name under which the pinned host key is looked up: the address may be used again."""


def arguments(values: Mapping[str, Any], folder: Path) -> list[str]:
    """Return the ssh command for a stack with these outputs; key files are in ``folder``."""
    argv = ["ssh", "-o", f"HostKeyAlias={ALIAS}", "-o", "StrictHostKeyChecking=yes"]
    argv += ["-o", f"UserKnownHostsFile={folder / 'known_hosts'}"]
    argv += ["-o", "GlobalKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    if values.get(outputs.SSH_PRIVATE_KEY):
        argv += ["-i", str(folder / "key"), "-o", "IdentitiesOnly=yes"]
    way = host_power.route(
        str(values[outputs.CLOUD]), str(values[outputs.SERVER_ID]), str(values[outputs.SSH_HOST])
    )
    if way.proxy_command:
        argv += ["-o", f"ProxyCommand={way.proxy_command}"]
    return [*argv, f"{values[outputs.SSH_USER]}@{way.host}"]


def run(
    values: Mapping[str, Any],
    command: Sequence[str] = (),
    *,
    timeout_s: float | None = None,
    capture: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a command on the app server, or a shell; the key rests in a folder that goes after it."""
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "known_hosts"
        pinned.write_text(f"{ALIAS} {values[outputs.SSH_HOST_KEY]}\n")
        if private := values.get(outputs.SSH_PRIVATE_KEY):
            key = Path(folder) / "key"
            key.touch(mode=0o600)
            key.write_text(f"{str(private).strip()}\n")
        argv = arguments(values, Path(folder))
        if capture:
            argv[1:1] = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5"]
        try:
            return subprocess.run(
                [*argv, *command], capture_output=capture, text=True, check=False, timeout=timeout_s
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(argv, 255, "", f"no answer in {timeout_s:.0f} s")
