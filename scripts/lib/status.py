"""Is a stack up? Asks the address, the app server and the cloud; changes nothing."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from components import outputs
from scripts.lib import ssh
from scripts.lib.execute import duration

ANSWER_S = 5
SSH_S = 15


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
    busy: str = ""
    """Who is changing the stack right now."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """Say it in words."""
        if not self.url:
            return [f"{self.stack}: not up.", *([f"  {self.busy}"] if self.busy else [])]
        said = [f"{self.stack}: {'up' if self.healthy else 'NOT HEALTHY'}"]
        said.append(f"  {self.url}: {self.answer}")
        if self.revision:
            said.append(f"  revision {self.revision}")
        said += [f"  host {name}: {state}" for name, state in self.hosts.items()]
        said.append(f"  app server: {self.system}")
        said += [f"    failed: {unit}" for unit in self.failed_units]
        return said + ([f"  {self.busy}"] if self.busy else [])


def look(stack: str, values: Mapping[str, Any], hosts: Mapping[str, str], busy: str = "") -> Status:
    """Ask everything that can be asked of a stack with these outputs."""
    found = Status(stack, hosts=dict(hosts), busy=busy, url=str(values.get(outputs.URL) or ""))
    if not found.url:
        return found
    found.revision = str(values.get(outputs.REVISION) or "")
    good, found.answer = ask(found.url)
    found.system, found.failed_units = _system(values)
    found.healthy = good and found.system == "running"
    return found


def understand(text: str) -> tuple[str, list[str]]:
    """Read what the host printed: its state, then a failed unit on each line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "gave no answer", []
    return lines[0], [line.lstrip("●* ").split()[0] for line in lines[1:]]


def ask(url: str) -> tuple[bool, str]:
    """Ask the address itself, whatever proxy the shell has set."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    started = time.monotonic()
    try:
        with opener.open(url, timeout=ANSWER_S) as response:
            took_ms = (time.monotonic() - started) * 1000
            return True, f"{response.status} in {took_ms:.0f} ms"
    except urllib.error.HTTPError as refused:
        return False, f"{refused.code} {refused.reason}"
    except OSError as problem:
        took = duration(time.monotonic() - started)
        return False, f"no answer ({getattr(problem, 'reason', problem)}, {took})"


def _system(values: Mapping[str, Any]) -> tuple[str, list[str]]:
    if not values.get(outputs.SSH_HOST):
        return "the stack names no way in by SSH", []
    command = "systemctl is-system-running; systemctl list-units --failed --no-legend --plain"
    done = ssh.run(values, [command], timeout_s=SSH_S, capture=True)
    if done.returncode == 255:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return f"no SSH ({reason})", []
    return understand(done.stdout)
