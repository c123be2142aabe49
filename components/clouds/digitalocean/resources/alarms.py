"""Alert policies to the e-mail address in settings; none without one. Cost nothing.

DigitalOcean measures over 5, 10, 30 or 60 minutes and sends only to addresses that the account has
verified. It has no alert on connections, on a replica's lag or on a Droplet that is off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_digitalocean as digitalocean

from components.clouds.digitalocean.resources.network import Network

WINDOW = "10m"


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


def for_servers(name: str, network: Network, email: str | None, parent: pulumi.Resource) -> None:
    """Watch every Droplet that carries the network's tag, replaced ones too."""
    for alarm in OF_SERVERS if email else ():
        digitalocean.MonitorAlert(
            f"{name}-alarm-{alarm.role}",
            **_policy(alarm, email),
            description=f"Servers of {name}: {alarm.words}",
            tags=[network.app_tag],
            opts=pulumi.ResourceOptions(parent=parent),
        )


def for_database(
    name: str, cluster_id: pulumi.Output[str], email: str | None, parent: pulumi.Resource
) -> None:
    """Watch a cluster."""
    for alarm in OF_DATABASES if email else ():
        digitalocean.MonitorAlert(
            f"{name}-database-alarm-{alarm.role}",
            **_policy(alarm, email),
            description=f"Database of {name}: {alarm.words}",
            entities=[cluster_id],
            opts=pulumi.ResourceOptions(parent=parent),
        )


def _policy(alarm: Alarm, email: str | None) -> dict[str, Any]:
    return {
        "type": alarm.type,
        "compare": "GreaterThan",
        "value": alarm.percent,
        "window": WINDOW,
        "alerts": digitalocean.MonitorAlertAlertsArgs(emails=[email] if email else []),
    }
