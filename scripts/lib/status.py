"""Is a stack up? Asks the address, the app server and the cloud; changes nothing."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from components import outputs
from components.host import pgbouncer
from scripts.lib import certificate, ssh
from scripts.lib.certificate import Certificate
from scripts.lib.execute import duration

ANSWER_S = 5
SSH_S = 25
"""Of which replicas that do not answer take 10."""
MARK = "--- replicas"


@dataclass
class Status:
    """What was found; ``healthy`` is the short answer."""

    stack: str
    healthy: bool = False
    url: str = ""
    answer: str = ""
    """``200 in 12 ms``, or why there was none."""
    revision: str = ""
    hosts: dict[str, str] = field(default_factory=dict)
    """The state of each host, as the cloud or the machine sees it."""
    system: str = ""
    """What systemd on the app server says of itself: ``running``, ``degraded``, ..."""
    failed_units: list[str] = field(default_factory=list)
    databases: list[Mapping[str, Any]] = field(default_factory=list)
    """The members of the managed database, where the cloud's hook can tell them: ``name``,
    ``role``, ``well``, ``lag_bytes``."""
    replicas: list[dict[str, Any]] = field(default_factory=list)
    """How far each read replica is behind, as the app's pooler finds it: ``alias``, ``lag_bytes``
    not replayed yet and ``lag_s``, the age of its last transaction; both null for no answer."""
    certificate: Certificate | None = None
    """Of a stack with a domain; ``None`` without one, or where the app server did not say."""
    busy: str = ""
    """Who is changing the stack right now."""
    owed: list[str] = field(default_factory=list)
    """What earlier runs left for the next ``up``: deletions, operations, protection."""

    def as_json(self) -> dict[str, Any]:
        told = self.certificate.as_json() if self.certificate else None
        return {**asdict(self), "certificate": told}

    def lines(self) -> list[str]:
        """Say it in words."""
        more = [*([self.busy] if self.busy else []), *(f"owed: {line}" for line in self.owed)]
        ending = [f"  {line}" for line in more]
        if not self.url:
            return [f"{self.stack}: not up.", *ending]
        said = [f"{self.stack}: {'up' if self.healthy else 'NOT HEALTHY'}"]
        said.append(f"  {self.url}: {self.answer}")
        if self.revision:
            said.append(f"  revision {self.revision}")
        said += [f"  host {name}: {state}" for name, state in self.hosts.items()]
        said.append(f"  app server: {self.system}")
        said += [f"    failed: {unit}" for unit in self.failed_units]
        said += [f"  database {_member(one)}" for one in self.databases]
        said += [f"  replica {_replica(one)}" for one in self.replicas]
        said += [f"  {line}" for line in self.certificate.lines()] if self.certificate else []
        return said + ending


def look(
    stack: str,
    values: Mapping[str, Any],
    hosts: Mapping[str, str],
    busy: str = "",
    databases: Sequence[Mapping[str, Any]] = (),
) -> Status:
    """Ask everything that can be asked of a stack with these outputs."""
    found = Status(stack, hosts=dict(hosts), busy=busy, url=str(values.get(outputs.URL) or ""))
    if not found.url:
        return found
    found.revision = str(values.get(outputs.REVISION) or "")
    good, found.answer = ask(found.url, str(values.get(outputs.ADDRESS) or ""))
    said = _app_server(values)
    (found.system, found.failed_units), found.replicas = understand(said[0]), lags(said[1])
    if certificate.domain_of(values):
        found.certificate = certificate.look(values)
    found.databases = list(databases)
    well = all(one["well"] for one in found.databases)
    read = all(one["lag_bytes"] is not None for one in found.replicas)
    found.healthy = good and found.system == "running" and well and read
    return found


def understand(text: str) -> tuple[str, list[str]]:
    """Read what the host printed: its state, then a failed unit on each line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "gave no answer", []
    return lines[0], [line.lstrip("●* ").split()[0] for line in lines[1:]]


def lags(text: str) -> list[dict[str, Any]]:
    """Read what the host printed of its replicas: ``app_read_1 0 3.2``, or the alias alone."""
    found = []
    for line in sorted(text.splitlines()):
        alias, *numbers = line.split() or [""]
        known = [float(number) for number in numbers] if len(numbers) == 2 else [None, None]
        lag_bytes = None if known[0] is None else int(known[0])
        if alias:
            found.append({"alias": alias, "lag_bytes": lag_bytes, "lag_s": known[1]})
    return found


def ask(url: str, address: str = "") -> tuple[bool, str]:
    """Ask the address itself, whatever proxy the shell has set and wherever the name leads.

    Whoever signed the certificate: that is told apart. A redirect is an answer.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    started = time.monotonic()
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_S)
    try:
        connection.sock = socket.create_connection((address or host, port), ANSWER_S)
        if parts.scheme == "https":
            trusting = ssl._create_unverified_context()  # noqa: S323
            connection.sock = trusting.wrap_socket(connection.sock, server_hostname=host)
        connection.request("GET", parts.path or "/", headers={"Host": parts.netloc})
        response = connection.getresponse()
        if response.status >= 400:
            return False, f"{response.status} {response.reason}"
        return True, f"{response.status} in {(time.monotonic() - started) * 1000:.0f} ms"
    except (OSError, http.client.HTTPException) as problem:
        return False, f"no answer ({problem}, {duration(time.monotonic() - started)})"
    finally:
        connection.close()


def _member(one: Mapping[str, Any]) -> str:
    """``shop-standby: standby, 0 bytes behind``."""
    lag = "" if one["lag_bytes"] is None else f", {one['lag_bytes']} bytes behind"
    return f"{one['name']}: {one['role']}{lag if one['well'] else ', NOT WELL'}"


def _replica(one: Mapping[str, Any]) -> str:
    """``app_read_1: 0 bytes behind, last transaction 3.2 s ago``."""
    if one["lag_bytes"] is None:
        return f"{one['alias']}: does not answer"
    ago = f"last transaction {one['lag_s']:.1f} s ago"
    return f"{one['alias']}: {one['lag_bytes']} bytes behind, {ago}"


def _app_server(values: Mapping[str, Any]) -> tuple[str, str]:
    """What the app server says: of its units, and of the read replicas."""
    if not values.get(outputs.SSH_HOST):
        return "the stack names no way in by SSH", ""
    command = (
        "systemctl is-system-running; systemctl list-units --failed --no-legend --plain;"
        f" echo {MARK}; if [ -x {pgbouncer.LAG} ]; then sudo {pgbouncer.LAG}; fi"
    )
    done = ssh.run(values, [command], timeout_s=SSH_S, capture=True)
    if done.returncode == 255:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return f"no SSH ({reason})", ""
    units, _, replicas = done.stdout.partition(MARK)
    return units, replicas
