"""What DigitalOcean's resources are called in Terraform, whose scanners know no Pulumi."""

from __future__ import annotations

from typing import Final

TYPES: Final = {
    "digitalocean:index/databaseCluster:DatabaseCluster": "digitalocean_database_cluster",
    "digitalocean:index/databaseFirewall:DatabaseFirewall": "digitalocean_database_firewall",
    "digitalocean:index/databaseReplica:DatabaseReplica": "digitalocean_database_replica",
    "digitalocean:index/droplet:Droplet": "digitalocean_droplet",
    "digitalocean:index/firewall:Firewall": "digitalocean_firewall",
    "digitalocean:index/monitorAlert:MonitorAlert": "digitalocean_monitor_alert",
    "digitalocean:index/reservedIp:ReservedIp": "digitalocean_reserved_ip",
    "digitalocean:index/reservedIpAssignment:ReservedIpAssignment": (
        "digitalocean_reserved_ip_assignment"
    ),
    "digitalocean:index/spacesBucket:SpacesBucket": "digitalocean_spaces_bucket",
    "digitalocean:index/spacesKey:SpacesKey": "digitalocean_spaces_key",
    "digitalocean:index/tag:Tag": "digitalocean_tag",
    "digitalocean:index/volume:Volume": "digitalocean_volume",
    "digitalocean:index/volumeAttachment:VolumeAttachment": "digitalocean_volume_attachment",
    "digitalocean:index/vpc:Vpc": "digitalocean_vpc",
}
"""Resources by Pulumi's type."""
