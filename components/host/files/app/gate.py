"""Which web processes get requests. Run as root by the unit ``web@PORT``.

    open PORT PID    wait until the process answers its readiness check; then it gets requests
    close PORT       it gets no new request
    leave PORT       the same, and wait until those that it has are done

So a process gets its first request after its readiness check and its last before it is told to
stop, whoever starts or stops it.

Nginx always asks the same ports. New connections to one that is closed are led to the process that
was opened last: a redirect of the kernel, changed in one step, that leaves connections alone which
are there already. Where processes listen on sockets in place of ports, symbolic links do the same.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import json
import math
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.host.agent import web

FOLDER = Path("/run/stages/web")
OPEN, LOCK = FOLDER / "open.json", FOLDER / "lock"
SOCKETS = FOLDER / "sockets"
"""Exists while Nginx asks sockets."""
LOOK_S = 0.05
ROUND, WARM_S = 10, 2.0
"""Questions of a round before a process gets requests, and when no other is asked."""
FASTER = 0.9
ESTABLISHED = "01"
CONNECTING, CONNECTED = "02", "03"


@dataclass(frozen=True)
class Routes:
    """Where new connections to Nginx's ports and links go."""

    redirects: Mapping[int, int]
    refused: tuple[int, ...]
    links: Mapping[int, int]
    """By port: whose socket its link leads to."""
    sockets: bool
    """Whether Nginx asks the links: the process that was opened last listens on its socket."""


def routes(ports: list[int], opened: Mapping[int, str]) -> Routes:
    """``ports`` are those that Nginx asks; ``opened`` says of each open process whether it listens
    on its ``port`` or its ``socket``, the newest last."""
    newest = {kind: port for port, kind in opened.items()}
    closed = [port for port in ports if opened.get(port) != "port"]
    links = {port: port for port in ports if opened.get(port) == "socket"}
    if "socket" in newest:
        links = {port: links.get(port, newest["socket"]) for port in ports}
    return Routes(
        redirects=dict.fromkeys(closed, newest["port"]) if "port" in newest else {},
        refused=() if "port" in newest else tuple(closed),
        links=links,
        sockets=bool(opened) and [*opened.values()][-1] == "socket",
    )


def ruleset(wanted: Routes) -> str:
    """What nft loads in one step. It is for Nginx's new connections alone: the readiness check is
    root's, and reaches a process that is closed.

    The chain of redirects is there when there are none: some connections of the first second after
    it was made go past it (4 of 5,956).
    """
    new = "ip daddr 127.0.0.1 meta skuid www-data tcp flags & (syn | ack) == syn tcp dport"
    lines = [
        "table ip stages_web",
        "delete table ip stages_web",
        "table ip stages_web {",
        "chain lead {",
        "type nat hook output priority dstnat",
        *(f"{new} {port} redirect to :{to}" for port, to in wanted.redirects.items()),
        "}",
        "chain refuse {",
        "type filter hook output priority filter",
        *(f"{new} {port} reject with tcp reset" for port in wanted.refused),
        "}",
        "}",
    ]
    return "\n".join(lines) + "\n"


def apply(wanted: Routes, ports: list[int]) -> None:
    """A kernel that refuses the rules is no reason to keep the app from its requests."""
    subprocess.run(["nft", "-f", "-"], input=ruleset(wanted), text=True, check=False)
    for port in ports:
        link = FOLDER / f"{port}.sock"
        if port in wanted.links:
            new = FOLDER / f".{port}.new"
            new.unlink(missing_ok=True)
            new.symlink_to(web.socket_of(wanted.links[port]))
            new.rename(link)
        else:
            link.unlink(missing_ok=True)
    if wanted.sockets:
        SOCKETS.touch()
    else:
        SOCKETS.unlink(missing_ok=True)


@contextlib.contextmanager
def changing(config: Mapping[str, object]) -> Iterator[dict[int, str]]:
    """The open processes, to be changed; the routes follow when the block ends."""
    for folder in (FOLDER.parent, FOLDER):  # for Nginx, whatever the umask is
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    LOCK.touch(mode=0o600)  # who can open a file can hold its lock
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        opened = {int(port): kind for port, kind in json.loads(_text(OPEN) or "{}").items()}
        yield opened
        new = OPEN.with_suffix(".new")
        new.write_text(json.dumps(opened))
        new.rename(OPEN)
        ports = config["ports"]
        assert isinstance(ports, list)  # noqa: S101
        apply(routes(ports, opened), ports)


def open_when_ready(port: int, pid: int, config: Mapping[str, object]) -> int:
    """Wait for the process; one that ends meanwhile has failed to start."""
    url = f"http://127.0.0.1:{port}{config['path']}"
    while not web.answer(url).startswith("2"):
        if not Path(f"/proc/{pid}").exists():
            return 1
        time.sleep(LOOK_S)
    warm(url)
    if not Path(f"/proc/{pid}").exists():
        return 1
    with changing(config) as opened:
        opened[port] = "socket" if let_nginx_in(port) else "port"
        ports = config["ports"]
        assert isinstance(ports, list)  # noqa: S101
        whole = port in ports and {*ports} <= {*opened}
        spare = [other for other in opened if other not in ports] if whole else []
    for other in spare:
        subprocess.run(["systemctl", "stop", "--no-block", f"web@{other}.service"], check=False)
    return 0


def warm(url: str) -> None:
    """Ask until the answers come no faster: what a JVM has run often is compiled by then, and what
    a process loads at its first requests is there."""
    deadline, last_s = time.monotonic() + WARM_S, math.inf
    while True:
        began = time.monotonic()
        for _ in range(ROUND):
            web.answer(url)
            if time.monotonic() > deadline:
                return
        took_s = time.monotonic() - began
        if took_s > last_s * FASTER:
            return
        last_s = took_s


def let_nginx_in(port: int) -> bool:
    """Whether the process has a socket; then Nginx may open it. No link is followed, for the app
    decides what lies there."""
    path = web.socket_of(port)
    with contextlib.ExitStack() as descriptors:
        try:
            folder = os.open(path.parent, os.O_DIRECTORY | os.O_NOFOLLOW)
            descriptors.callback(os.close, folder)
            descriptor = os.open(path.name, os.O_PATH | os.O_NOFOLLOW, dir_fd=folder)
            descriptors.callback(os.close, descriptor)
        except OSError:
            return False
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        opened = Path(f"/proc/self/fd/{descriptor}")
        os.chown(opened, -1, grp.getgrnam("www-data").gr_gid)
        opened.chmod(0o660)
        return True


def busy(port: int, net: Path = Path("/proc/net")) -> bool:
    """Whether a process has a connection, accepted or not."""
    end = f":{port:04X}"
    for table in ("tcp", "tcp6"):
        for line in _text(net / table).splitlines()[1:]:
            local, _, state = line.split()[1:4]
            if local.endswith(end) and state == ESTABLISHED:
                return True
    path = str(web.socket_of(port))
    lines = [line.split() for line in _text(net / "unix").splitlines()[1:]]
    return any(words[-1] == path and words[5] in {CONNECTING, CONNECTED} for words in lines)


def leave(port: int, config: Mapping[str, object]) -> None:
    """Requests end first; longer ones and websockets then hear of the stop themselves."""
    with changing(config) as opened:
        opened.pop(port, None)
    deadline = time.monotonic() + float(str(config["leave_s"]))
    while busy(port) and time.monotonic() < deadline:
        time.sleep(LOOK_S)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def main(arguments: list[str]) -> int:
    """Do what the unit asks for."""
    verb, port, *more = arguments
    config = json.loads(web.CONFIG.read_text())
    if verb == "open":
        return open_when_ready(int(port), int(more[0]), config)
    if verb == "leave":
        leave(int(port), config)
        return 0
    with changing(config) as opened:
        opened.pop(int(port), None)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
