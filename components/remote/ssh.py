"""The operator's own OpenSSH client, one session per operation, everything on standard input.

Nothing of the operator's own known hosts is read or written: a host answers with the key that is
pinned for it or it is not that host. With a private key given (a local stack's), neither the
operator's configuration nor agent is asked; without one both are, as with ``ssh`` by hand.
"""

from __future__ import annotations

import math
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from components.seam.power import Route

ALIAS = "stages-host"
"""The name under which a host's key is pinned: addresses change hands, the pin does not."""
CONNECT_TIMEOUT_S = 8
ALIVE_S = 5
ALIVE_COUNT = 4
"""A connection that stays silent for 5 s four times is lost."""
NOT_REACHED_EXIT = 255


NOISE = ("sudo: unable to resolve host",)
"""Warnings that explain no failure."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a host is and how it is known."""

    host: str
    host_key: str
    """Pinned public key: ``ssh-ed25519 AAAA...``."""
    login: str
    private_key: str = ""
    """OpenSSH private key; empty: the operator's own agent and configuration."""
    port: int = 22
    proxy_command: str = ""
    """A command of this machine that ssh talks through; empty: none."""
    patience: float = 1.0
    """How many times longer than usual everything may take."""


def target(
    way: Route, *, host_key: str, login: str, private_key: str = "", port: int = 22
) -> Target:
    """The host at the end of a way that its cloud has told."""
    return Target(
        host=way.host,
        proxy_command=way.proxy_command,
        patience=way.patience,
        host_key=host_key,
        login=login,
        private_key=private_key,
        port=port,
    )


class SshError(Exception):
    """No session, or one that was lost. ``str()`` is the reason in a few words."""


class NotReached(SshError):
    """Nothing answered, the way was closed or the connection was lost; never "gone"."""


class Interrupted(SshError):
    """The session ended in the middle of the work."""


class HostKeyChanged(SshError):
    """Something answered with a key other than the pinned one."""


class LoginRefused(SshError):
    """The host answered and did not accept the key."""


def interactive_argv(target: Target, folder: Path) -> list[str]:
    """The command line of a person's own session; ``folder`` holds the key and the pinned one.

    The pinned host key alone is believed, and with a private key nothing else is offered; all else
    is as the person has configured it.
    """
    return ["ssh", *_known(target, folder), f"{target.login}@{target.host}"]


def argv(target: Target, folder: Path, command: str) -> list[str]:
    """The command line for one session of ours."""
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": str(math.ceil(CONNECT_TIMEOUT_S * target.patience)),
        "ConnectionAttempts": "1",
        "ServerAliveInterval": str(math.ceil(ALIVE_S * target.patience)),
        "ServerAliveCountMax": str(ALIVE_COUNT),
        "ControlMaster": "no",
        "ControlPath": "none",
        "ClearAllForwardings": "yes",
        "ForwardAgent": "no",
    }
    where = ["-l", target.login, target.host]
    return ["ssh", "-T", *_known(target, folder), *_words(options), *where, command]


def _known(target: Target, folder: Path) -> list[str]:
    """Options that say which host it is, how it is reached and who asks."""
    options = {
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(folder / "known_hosts"),
        "GlobalKnownHostsFile": "/dev/null",
        "HostKeyAlias": ALIAS,
        "UpdateHostKeys": "no",
        "CheckHostIP": "no",
        "LogLevel": "ERROR",
    }
    if target.proxy_command:
        options["ProxyCommand"] = target.proxy_command
    own = ["-F", "/dev/null", "-i", str(folder / "key")] if target.private_key else []
    if target.private_key:
        options |= {"IdentitiesOnly": "yes", "IdentityAgent": "none"}
    return [*own, *_words(options), "-p", str(target.port)]


def _words(options: Mapping[str, str]) -> list[str]:
    return [word for key, value in options.items() for word in ("-o", f"{key}={value}")]


@contextmanager
def folder(target: Target) -> Iterator[Path]:
    """A private folder with the pinned host key and the private key, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="stages-ssh-") as name:
        made = Path(name)
        (made / "known_hosts").write_text(f"{ALIAS} {target.host_key.strip()}\n")
        if target.private_key:
            key = made / "key"
            key.touch(mode=0o600)
            key.write_text(target.private_key.rstrip("\n") + "\n")
        yield made


def converse(
    target: Target,
    command: str,
    first: bytes,
    on_line: Callable[[str, IO[bytes]], None],
    *,
    deadline_s: float,
) -> None:
    """Run ``command`` on the host, send ``first``, hand every line of its output to ``on_line``.

    ``on_line`` also gets the command's standard input, to answer what the line asks for.
    Raises :class:`SshError` when there is no session, it is lost, or ``deadline_s`` has passed,
    which is that of a usual host.
    A command that fails raises :class:`RemoteFailed` with the end of its standard error.
    """
    deadline_s *= target.patience
    with folder(target) as made, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            argv(target, made, command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        watch = threading.Timer(deadline_s, end)
        watch.daemon = True
        watch.start()
        try:
            assert process.stdin is not None and process.stdout is not None  # noqa: S101
            try:
                process.stdin.write(first)
                process.stdin.flush()
                for line in process.stdout:
                    on_line(line.decode(errors="replace"), process.stdin)
                process.stdin.close()
            except BrokenPipeError:
                pass
            code = process.wait()
        finally:
            watch.cancel()
            if process.poll() is None:
                process.kill()
                process.wait()
        errors.seek(0)
        output = errors.read().decode(errors="replace")
    if late.is_set():
        raise NotReached(f"no end after {deadline_s:g} s")
    if code != 0:
        raise classify(code, output)


class RemoteFailed(Exception):
    """The session worked and the command in it failed."""


def classify(code: int, output: str) -> Exception:
    """Turn ssh's exit code and words into the error they mean."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(NOISE)]
    last = lines[-1] if lines else f"exit code {code}, no output"
    if code != NOT_REACHED_EXIT:
        return RemoteFailed(last)
    if "Host key verification failed" in output:
        return HostKeyChanged("answers with another host key than the pinned one")
    if "Permission denied" in output:
        return LoginRefused(last)
    return NotReached(last)


REFUSED_PAUSE_S = 6
"""sshd from 9.8 on shuts an address out when refused logins (5 s each) add up to 15 s."""


def retry_until_connected(
    session: Callable[[], None], *, wait_s: float, pause_s: float = 0.3
) -> None:
    """Try a session until it comes about, for first contact: boot takes its time.

    Being refused counts as not yet (the login is made during boot); another host key does not.
    """
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return session()
        except (NotReached, LoginRefused) as error:
            if time.monotonic() > deadline:
                raise
            refused = isinstance(error, LoginRefused)
        time.sleep(REFUSED_PAUSE_S if refused else pause_s)
