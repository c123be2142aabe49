"""Types of DigitalOcean that more than one file speaks of."""

from __future__ import annotations

INDEX = "digitalocean:index/"
ADDRESS = f"{INDEX}reservedIp:ReservedIp"
ASSIGNMENT = f"{INDEX}reservedIpAssignment:ReservedIpAssignment"
ATTACHMENT = f"{INDEX}volumeAttachment:VolumeAttachment"
CLUSTER = f"{INDEX}databaseCluster:DatabaseCluster"
DROPLET = f"{INDEX}droplet:Droplet"
FIREWALL = f"{INDEX}firewall:Firewall"
REPLICA = f"{INDEX}databaseReplica:DatabaseReplica"
SPACE = f"{INDEX}spacesBucket:SpacesBucket"
TAG = f"{INDEX}tag:Tag"
TRUSTED_SOURCES = f"{INDEX}databaseFirewall:DatabaseFirewall"
VOLUME = f"{INDEX}volume:Volume"
VPC = f"{INDEX}vpc:Vpc"
