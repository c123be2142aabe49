"""Poolers to compare with: the stage's own configuration and unit, with a few lines changed.

The included file ends inside the section ``[pgbouncer]``, and of two lines for one key the last
counts, so that everything not named here is as the stage has it, sandbox included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.claims.side import Side
from components.host import pgbouncer

PROXY_PORT = 6500


@dataclass(frozen=True)
class Pooler:
    """What is other than in the stage."""

    name: str
    lines: Mapping[str, str] = field(default_factory=dict)
    users: str = ""
    """``auth_file``; ``{password}`` and ``{verifier}`` are filled in."""
    far: bool = False
    """Its server is the delay proxy, whose name the certificate does not carry."""


SCRAM = Pooler("bench-scram", {"auth_type": "scram-sha-256"}, '"app" "{password}"\n')
VERIFIER = Pooler("bench-verifier", {"auth_type": "scram-sha-256"}, '"app" "{verifier}"\n')
MD5 = Pooler("bench-md5", {"auth_type": "md5"}, '"app" "{password}"\n')
TRUST = Pooler("bench-trust", {"auth_type": "trust"}, '"app" ""\n')
SESSION = Pooler("bench-session", {"pool_mode": "session"})
STATEMENT = Pooler("bench-statement", {"pool_mode": "statement"})
FAR = Pooler("bench-far", {"server_tls_sslmode": "verify-ca"}, far=True)


def configuration(pooler: Pooler) -> str:
    """Its ``pgbouncer.ini``."""
    lines = {
        "unix_socket_dir": f"/run/{pooler.name}",
        "pidfile": "",
        "listen_addr": "",
        **pooler.lines,
    }
    if pooler.users:
        lines["auth_file"] = f"{pgbouncer.FOLDER}/{pooler.name}.txt"
    text = "".join(f"{key} = {value}\n" for key, value in lines.items())
    if pooler.far:  # of two entries for one alias the last counts as well
        text += f"[databases]\n%include {pgbouncer.FOLDER}/{pooler.name}-databases.ini\n"
    return f"%include {pgbouncer.INI}\n{text}"


@contextmanager
def running(side: Side, pooler: Pooler) -> Iterator[str]:
    """The way through it, while it runs."""
    name, unit = pooler.name, f"{pooler.name}.service"
    users = pooler.users.replace("{password}", side.upstream.password)
    if "{verifier}" in users:  # PostgreSQL's own: the pooler logs in with what the client proved
        users = users.replace("{verifier}", side.stored_password())
    _own(side, f"{name}.ini", configuration(pooler))
    _own(side, f"{name}.txt", users)
    if pooler.far:
        near = f"host={side.upstream.host} port={side.upstream.port}"
        databases = side.root(["cat", pgbouncer.DATABASES])
        far = databases.replace(near, f"host=127.0.0.1 port={PROXY_PORT}")
        _own(side, f"{name}-databases.ini", far.replace("[databases]\n", ""))
    base = side.root(["cat", "/usr/lib/systemd/system/pgbouncer.service"])
    side.host.put(f"/run/systemd/system/{unit}", base.replace(pgbouncer.INI, _path(f"{name}.ini")))
    drop_ins = f"/run/systemd/system/{unit}.d"
    side.host.put(f"{drop_ins}/50-stages.conf", side.root(["cat", pgbouncer.DROP_IN]))
    side.host.put(f"{drop_ins}/60.conf", f"[Service]\nRuntimeDirectory=\nRuntimeDirectory={name}\n")
    side.root(["systemctl", "daemon-reload"])
    try:
        side.root(["systemctl", "start", unit])
        yield side.through(name)
    finally:
        side.root(["systemctl", "stop", unit])


def _path(name: str) -> str:
    return f"{pgbouncer.FOLDER}/{name}"


def _own(side: Side, name: str, text: str) -> None:
    """A file that the pooler's user alone reads."""
    side.host.put(_path(name), text, mode=0o600)
    side.root(["chown", "pgbouncer:", _path(name)])
