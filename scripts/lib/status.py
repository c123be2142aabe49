"""Is a stack up? Asks the address, the app server and the cloud; changes nothing."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from components import outputs
from components.errors import UserError
from components.host import backups, pgbouncer, valkey
from components.host.agent.release import commit_of
from components.remote.session import perform
from components.remote.ssh import SshError
from components.visible import in_one_line
from scripts.lib import backup_state, certificate, health, promotion_words, ssh
from scripts.lib.certificate import Certificate
from scripts.lib.execute import duration
from scripts.lib.process_names import short_name

NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")
ANSWER_S = 5.0
BACKUPS = "---backups"
SSH_S = 25
"""Of which replicas that do not answer take 10."""


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
    units: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Every service of the app server: its state, and how often it was started again by itself."""
    disks: list[dict[str, Any]] = field(default_factory=list)
    """The file systems of the app server, in MiB and per cent."""
    queue: dict[str, int] | None = None
    """``used_kib`` and ``limit_kib`` of the queue; ``None``: it does not answer."""
    boot: str = ""
    """The first boot of the app server: ``done``, ``running``, or what failed."""
    troubles: list[health.Trouble] = field(default_factory=list)
    """What is wrong on the app server: ``where``, ``what``, ``remedy``."""
    notes: list[str] = field(default_factory=list)
    backups: list[str] = field(default_factory=list)
    """When the last good backup was made and last proven, and what is wrong."""
    replicas: list[dict[str, Any]] = field(default_factory=list)
    """How far each read replica is behind, as the app's pooler finds it: ``alias``, ``lag_bytes``
    not replayed yet and ``lag_s``, the age of its last transaction; both null for no answer."""
    maintenance: str = ""
    """Since when users see the page of the maintenance, in UTC; empty: they see the app."""
    promotion: dict[str, Any] = field(default_factory=dict)
    """Phase, other stack and way back of a promotion that is under way."""
    certificate: Certificate | None = None
    """Of a stack with a domain; ``None`` without one, or where the app server did not say."""
    busy: str = ""
    """Who is changing the stack right now."""
    owed: list[str] = field(default_factory=list)
    """What earlier runs left for the next ``up``: deletions, operations, protection."""
    pending: list[str] = field(default_factory=list)
    """Changes that the cloud has accepted and not made yet."""

    def as_json(self) -> dict[str, Any]:
        shown = self.certificate.as_json() if self.certificate else None
        return {**asdict(self), "certificate": shown}

    def lines(self) -> list[str]:
        """Say it in words."""
        more = [*([self.busy] if self.busy else []), *(f"owed: {line}" for line in self.owed)]
        more += [f"pending: {line}" for line in self.pending]
        ending = [f"  {line}" for line in more]
        if not self.url:
            server = [f"  app server: {self.system}"] if self.system else []
            return [f"{self.stack}: not up.", *server, *self._of_the_host(), *ending]
        up = "stopped for the promotion" if promotion_words.stands_by(self.promotion) else "up"
        lines = [f"{self.stack}: {up if self.healthy else 'NOT HEALTHY'}"]
        lines.append(f"  {self.url}: {self.answer}")
        if self.maintenance:
            off = f"`./stages maintenance {self.stack} off` ends it"
            lines.append(f"  MAINTENANCE since {self.maintenance}: {off}")
        lines += [f"  {line}" for line in promotion_words.lines(self.stack, self.promotion)]
        if self.revision:
            lines.append(f"  revision {self.revision}")
        lines += [f"  host {name}: {state}" for name, state in self.hosts.items()]
        lines.append(f"  app server: {self.system}")
        lines += [f"  {line}" for line in self._processes()]
        lines += [
            f"  disk {disk['where']}: {disk['used_percent']} % full, {disk['left_mib']} MiB left"
            for disk in self.disks
        ]
        lines += [f"  queue: {health.queue_line(self.queue)}"] if self.queue else []
        lines += self._of_the_host()
        lines += [f"  database {_member(member)}" for member in self.databases]
        lines += [f"  replica {_replica(replica)}" for replica in self.replicas]
        lines += [f"  {line}" for line in self.backups]
        certificate_lines = self.certificate.lines(self.stack) if self.certificate else []
        if promotion_words.forwards(self.promotion):
            del certificate_lines[1:]  # its name leads to the other stack, or will
        lines += [f"  {line}" for line in certificate_lines]
        return lines + ending

    def _processes(self) -> list[str]:
        """What runs of the app, and its memory; what is wrong with one is a trouble."""
        return [
            f"process {short_name(unit)}: up {duration(state['up_s'])}, {state['memory_mib']} MiB"
            for unit, state in self.units.items()
            if unit.startswith(("web@", "worker@")) and state.get("up_s") is not None
        ]

    def _of_the_host(self) -> list[str]:
        return [
            *(f"    {trouble}" for trouble in self.troubles),
            *(f"    note: {note}" for note in self.notes),
        ]


def look(
    stack: str,
    values: Mapping[str, Any],
    hosts: Mapping[str, str],
    busy: str = "",
    databases: Sequence[Mapping[str, Any]] = (),
) -> Status:
    """Ask everything that can be asked of a stack with these outputs."""
    status = Status(stack, hosts=dict(hosts), busy=busy, url=str(values.get(outputs.URL) or ""))
    if values.get(outputs.SSH_HOST):
        _app_server(status, values)
    if not status.url:
        return status
    status.system = status.system or "the stack names no way in by SSH"
    status.revision = status.revision or str(values.get(outputs.REVISION) or "")
    good, status.answer = ask(status.url, str(values.get(outputs.ADDRESS) or ""))
    if certificate.domain_of(values):
        status.certificate = certificate.look(values)
    status.databases = list(databases)
    well = all(member["well"] for member in status.databases)
    read = all(replica["lag_bytes"] is not None for replica in status.replicas)
    away = bool(status.maintenance) or promotion_words.stands_by(status.promotion)
    good = good or (away and status.answer.startswith("503"))
    status.healthy = good and status.system == "running" and not status.troubles and well and read
    return status


def lags(text: str) -> list[dict[str, Any]]:
    """Read what the host printed of its replicas: ``app_read_1 0 3.2``, or the alias alone.

    The numbers are the database's words, where the app may define functions: no number, no answer.
    """
    replicas = []
    for line in sorted(text.splitlines()):
        alias, *numbers = line.split() or [""]
        known = len(numbers) == 2 and all(map(NUMBER.fullmatch, numbers))
        lag_bytes, lag_s = (int(float(numbers[0])), float(numbers[1])) if known else (None, None)
        if alias:
            replicas.append({"alias": alias, "lag_bytes": lag_bytes, "lag_s": lag_s})
    return replicas


IN_MAINTENANCE = "as in maintenance"
MAINTENANCE_RETRY_S = "300"
"""What the page of `./stages maintenance on` says (``app-locations.conf``)."""


def ask(url: str, address: str = "", patience_s: float = ANSWER_S) -> tuple[bool, str]:
    """Ask the address itself, whatever proxy the shell has set and wherever the name leads.

    ``patience_s`` is for each step: to connect, to be answered.

    Whoever signed the certificate: that is told apart. A redirect is an answer, and so is what an
    app says that has no page at / (404) or asks for a login; 400 is none, for it refuses its own
    host name.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    started = time.monotonic()
    connection = http.client.HTTPConnection(host, port, timeout=patience_s)
    try:
        connection.sock = socket.create_connection((address or host, port), patience_s)
        if parts.scheme == "https":
            trusting = ssl._create_unverified_context()  # noqa: S323
            connection.sock = trusting.wrap_socket(connection.sock, server_hostname=host)
        connection.request("GET", parts.path or "/", headers={"Host": parts.netloc})
        response = connection.getresponse()
        if response.status == 503 and response.headers["Retry-After"] == MAINTENANCE_RETRY_S:
            return False, f"{response.status} {IN_MAINTENANCE}"
        if response.status >= 400:
            serves = response.status < 500 and response.status != 400
            return serves, f"{response.status} {response.reason}"
        return True, f"{response.status} in {(time.monotonic() - started) * 1000:.0f} ms"
    except (OSError, http.client.HTTPException) as problem:
        return False, f"no answer ({problem}, {duration(time.monotonic() - started)})"
    finally:
        connection.close()


def _member(member: Mapping[str, Any]) -> str:
    """``shop-standby: standby, 0 bytes behind``."""
    lag = "" if member["lag_bytes"] is None else f", {member['lag_bytes']} bytes behind"
    return f"{member['name']}: {member['role']}{lag if member['well'] else ', NOT WELL'}"


def _replica(replica: Mapping[str, Any]) -> str:
    """``app_read_1: 0 bytes behind, last transaction 3.2 s ago``."""
    if replica["lag_bytes"] is None:
        return f"{replica['alias']}: does not answer"
    ago = f"last transaction {replica['lag_s']:.1f} s ago"
    return f"{replica['alias']}: {replica['lag_bytes']} bytes behind, {ago}"


def _app_server(status: Status, values: Mapping[str, Any]) -> None:
    """Ask the app server, in one session: its units, disks, first boot and read replicas."""
    replicas = f"if [ -x {pgbouncer.LAG} ]; then {pgbouncer.LAG}; fi"
    made = f"if [ -x {backups.PROGRAM} ]; then {backups.STATE_AS_OWNER}; fi"
    document = {
        "mode": "health",
        "more": f"{replicas}; echo {BACKUPS}; {made}",
        "queue": valkey.WHERE,
    }
    try:
        host = perform(ssh.target(values), document, status=_silent, note=_silent, deadline_s=SSH_S)
    except SshError as error:
        status.system = f"no SSH ({error})"
        return
    except UserError as error:
        status.system = f"could not be checked ({error})"
        return
    try:
        behind, _, backup_text = host["more"].partition(f"{BACKUPS}\n")
        host = in_one_line(host)
        status.replicas = lags(behind)
        status.promotion = dict(host.get("promotion") or {})
        if backup_text.strip():
            brought = status.promotion.get("side") == "to"
            since = float(status.promotion.get("since") or 0) if brought else 0
            status.backups = backup_state.state(in_one_line(json.loads(backup_text)), since)
        status.troubles, status.notes = health.troubles(status.stack, host), health.notes(host)
        status.troubles = [
            trouble
            for trouble in status.troubles
            if not promotion_words.stopped_on_purpose(trouble.where, status.promotion)
        ]
        status.troubles += promotion_words.troubles(status.stack, status.promotion)
        status.revision = commit_of(str(host.get("release") or ""))
        if host.get("maintenance"):
            moment = datetime.fromtimestamp(int(host["maintenance"]), UTC)
            status.maintenance = f"{moment:%Y-%m-%d %H:%M}"
        status.system, status.failed_units = host["system"], host["failed_units"]
        status.units, status.disks, status.boot = host["units"], host["disks"], host["boot"]
        status.queue = host["queue"]
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        status.system = "could not be checked (it returned an unexpected response)"


def _silent(_: str) -> None:
    """Nobody follows the steps of a look."""
