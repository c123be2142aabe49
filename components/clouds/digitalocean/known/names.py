"""Types of DigitalOcean that more than one file speaks of."""

from __future__ import annotations

ADDRESS = "digitalocean:index/reservedIp:ReservedIp"
ASSIGNMENT = "digitalocean:index/reservedIpAssignment:ReservedIpAssignment"
ATTACHMENT = "digitalocean:index/volumeAttachment:VolumeAttachment"
CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster"
DROPLET = "digitalocean:index/droplet:Droplet"
FIREWALL = "digitalocean:index/firewall:Firewall"
REPLICA = "digitalocean:index/databaseReplica:DatabaseReplica"
SPACE = "digitalocean:index/spacesBucket:SpacesBucket"
TAG = "digitalocean:index/tag:Tag"
TRUSTED_SOURCES = "digitalocean:index/databaseFirewall:DatabaseFirewall"
VOLUME = "digitalocean:index/volume:Volume"
VPC = "digitalocean:index/vpc:Vpc"
