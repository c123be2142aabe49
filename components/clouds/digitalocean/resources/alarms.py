"""Alert policies, to the settings' e-mail address and webhook of Slack; none without either.

They cost nothing, but for the check of the site from outside.

DigitalOcean measures over 5, 10, 30 or 60 minutes and sends only to addresses that the account has
verified. It has no alert on connections, on a replica's lag or on a Droplet that is off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_digitalocean as digitalocean

from components.clouds.digitalocean.resources.network import Network
from components.seam.uptime import UptimeNeeds
from components.settings.model import Alarms

WINDOW = "10m"
CHANNEL = "alarms"
"""Required, and without a meaning: a webhook of Slack's has its channel from its making on.
https://docs.slack.dev/legacy/legacy-custom-integrations/legacy-custom-integrations-incoming-webhooks"""
ASKED_FROM = ("us_east", "eu_west", "se_asia")
DOWN_FOR = "2m"
CERTIFICATE_DAYS = 10
"""Let's Encrypt's are renewed with 30 days left, those of 45 days with 15: then a renewal has
failed for days."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One threshold."""

    role: str
    type: str
    percent: int

    @property
    def words(self) -> str:
        """What it says, for the mail."""
        return f"{self.role} over {self.percent} % for {WINDOW}"


OF_SERVERS = (
    Alarm(role="cpu", type="v1/insights/droplet/cpu", percent=75),
    Alarm(role="memory", type="v1/insights/droplet/memory_utilization_percent", percent=90),
    Alarm(role="disk", type="v1/insights/droplet/disk_utilization_percent", percent=80),
)
OF_DATABASES = (
    Alarm(role="cpu", type="v1/dbaas/alerts/cpu_alerts", percent=75),
    Alarm(role="memory", type="v1/dbaas/alerts/memory_utilization_alerts", percent=90),
    Alarm(role="disk", type="v1/dbaas/alerts/disk_utilization_alerts", percent=80),
)


def for_servers(name: str, network: Network, alarms: Alarms, parent: pulumi.Resource) -> None:
    """Watch every Droplet that carries the network's tag, replaced ones too."""
    for alarm in OF_SERVERS if alarms.wanted else ():
        digitalocean.MonitorAlert(
            f"{name}-alarm-{alarm.role}",
            **_policy(alarm, alarms),
            description=f"Servers of {name}: {alarm.words}",
            tags=[network.app_tag],
            opts=pulumi.ResourceOptions(parent=parent),
        )


def for_database(
    name: str, cluster_id: pulumi.Output[str], alarms: Alarms, parent: pulumi.Resource
) -> None:
    """Watch a cluster."""
    for alarm in OF_DATABASES if alarms.wanted else ():
        digitalocean.MonitorAlert(
            f"{name}-database-alarm-{alarm.role}",
            **_policy(alarm, alarms),
            description=f"Database of {name}: {alarm.words}",
            entities=[cluster_id],
            opts=pulumi.ResourceOptions(parent=parent),
        )


def for_site(
    name: str,
    needs: UptimeNeeds,
    address: pulumi.Output[str],
    alarms: Alarms,
    parent: pulumi.Resource,
) -> None:
    """Have the site asked for from three continents: $1.00 a month, alerts included.

    It is down when none of them gets an answer. A certificate that was not renewed is told of
    before it ends.
    """
    scheme, domain, path = "https" if needs.domain else "http", needs.domain, needs.path
    check = digitalocean.UptimeCheck(
        f"{name}-uptime",
        # From the address also where there is a name: it is known once the site serves.
        target=address.apply(lambda known: f"{scheme}://{domain or known}{path}"),
        type=scheme,
        regions=list(ASKED_FROM),
        opts=pulumi.ResourceOptions(parent=parent),
    )
    kinds = {"down": ("down_global", 1)}
    if needs.domain:
        kinds["certificate"] = ("ssl_expiry", CERTIFICATE_DAYS)
    receivers: Any = _receivers(alarms)
    for role, (type_, threshold) in kinds.items():
        digitalocean.UptimeAlert(
            f"{name}-uptime-{role}",
            check_id=check.id,
            type=type_,
            comparison="less_than",
            threshold=threshold,
            period=DOWN_FOR,
            notifications=[receivers],
            opts=pulumi.ResourceOptions(parent=parent),
        )


def _policy(alarm: Alarm, alarms: Alarms) -> dict[str, Any]:
    return {
        "type": alarm.type,
        "compare": "GreaterThan",
        "value": alarm.percent,
        "window": WINDOW,
        "alerts": _receivers(alarms),
    }


def _receivers(alarms: Alarms) -> dict[str, Any]:
    url = alarms.webhook
    return {
        **({"emails": [alarms.email]} if alarms.email else {}),
        **({"slacks": [{"channel": CHANNEL, "url": pulumi.Output.secret(url)}]} if url else {}),
    }
