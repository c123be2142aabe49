"""The site's certificate, as its app server sees it: asked over SSH, told in words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from components import outputs
from components.host.certificate import PROGRAM
from components.seam.dns import TTL_S
from components.visible import in_one_line
from scripts.lib import ssh

SSH_S = 15
ISSUE_S = 300
"""For one question to the authority; the host's own limit is shorter."""
LEADS_S = 60
"""How long a record that the stack has just made may take until the app server sees it."""
PAUSE_S = 3


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What is served, and whether the name leads here."""

    domain: str
    address: str
    resolved: list[str]
    """Every address that the name has, seen from the app server."""
    problem: str = ""
    """Why the authority gave nothing when it was asked last."""
    serial: str = ""
    issuer: str = ""
    until: str = ""
    self_signed: bool = False
    zone: str = ""
    """Where the stack keeps the name's record; empty where that is not the stack's to make."""

    @property
    def leads_here(self) -> bool:
        return self.resolved == [self.address]

    @property
    def trusted(self) -> bool:
        """Whether an authority signed what is served."""
        return bool(self.serial) and not self.self_signed

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "leads_here": self.leads_here}

    def lines(self, stack: str) -> list[str]:
        """Say it in words, and what to do."""
        if not self.serial:
            lines = ["certificate: none is served"]
        elif self.self_signed:
            lines = ["certificate: self-signed, browsers warn of it"]
        else:
            lines = [f"certificate: by {self.issuer}, until {self.until}, serial {self.serial}"]
        if self.leads_here:
            lines.append(f"{self.domain} points here ({self.address})")
        else:
            leads = ", ".join(self.resolved) or "nowhere"
            lines.append(
                f"{self.domain} points to {leads}; it should point to {self.address} alone"
            )
            lines += record(self.domain, self.address, self.zone, stack)
        if self.problem:
            lines.append(f"the last question to the authority failed: {self.problem}")
        return lines


def record(domain: str, address: str, zone: str, stack: str) -> list[str]:
    """The record in DNS that is to be made or that the stack has made, and what follows."""
    what = f"type A, name {domain}, value {address}, TTL {TTL_S}"
    made = [
        f"the record in the zone {zone}: {what}",
        "a resolver may keep an earlier answer for a while; otherwise look whether the domain's"
        " registrar names the zone's name servers, and for other records of that name",
    ]
    return [
        *(made if zone else [f"the record to make in DNS: {what}"]),
        f"the certificate then comes within an hour, or at once with `make up STACK={stack}`",
    ]


def domain_of(values: Mapping[str, Any]) -> str:
    """The domain of a stack with these outputs; empty without one."""
    url = urlsplit(str(values.get(outputs.URL) or ""))
    return url.hostname or "" if url.scheme == "https" else ""


def look(values: Mapping[str, Any]) -> Certificate | None:
    """Ask the app server; ``None`` where it gives no answer."""
    done = ssh.run(values, [f"sudo {PROGRAM} status"], timeout_s=SSH_S, capture=True)
    try:
        zone = str(values.get(outputs.DNS_ZONE) or "")
        return Certificate(**in_one_line(json.loads(done.stdout)), zone=zone)
    except (ValueError, TypeError):
        return None


def settle(stack: str, values: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Get the certificate now if it can be had, and say how it stands."""
    served = look(values)
    if served and served.zone and not served.leads_here:
        say(f"\nwaiting until {served.domain} points here ...")
        end = time.monotonic() + LEADS_S
        while served and not served.leads_here and time.monotonic() < end:
            time.sleep(PAUSE_S)
            served = look(values)
    if served and served.leads_here and not served.trusted:
        say(f"\n{served.domain} points here: asking for its certificate ...")
        ssh.run(values, ["sudo systemctl start certbot.service"], timeout_s=ISSUE_S, capture=True)
        served = look(values)
    domain, address = domain_of(values), str(values[outputs.ADDRESS])
    zone = str(values.get(outputs.DNS_ZONE) or "")
    unknown = ["certificate: not known", *record(domain, address, zone, stack)]
    lines = served.lines(stack) if served else unknown
    say("\n" + "\n".join(f"  {line}" for line in lines))
