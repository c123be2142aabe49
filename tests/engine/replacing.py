"""The one table of the inputs whose change replaces a resource; any other one is changed in place.

Sources, all of the upstream Terraform providers, whose schema the Pulumi providers take over:
``read``: seen in the provider's source in October 2025 or later; ``docs``: said in its
documentation (``Forces new resource``); ``rule``: true of every resource of the provider.
What is conditional there (a plan of another architecture, a smaller disk) is not here.
"""

from __future__ import annotations

from collections.abc import Mapping

READ, DOCS, RULE = "read", "docs", "rule"

ANYWHERE = {"aws": {"region": RULE}}
"""Inputs that replace whatever has them, by package."""

REPLACES: Mapping[str, Mapping[str, str]] = {
    "aws:cloudwatch/logGroup:LogGroup": {"name": DOCS, "namePrefix": DOCS, "logGroupClass": DOCS},
    "aws:cloudwatch/metricAlarm:MetricAlarm": {"name": DOCS},
    "aws:ebs/volume:Volume": {
        "availabilityZone": READ,
        "encrypted": READ,
        "kmsKeyId": READ,
        "multiAttachEnabled": READ,
        "outpostArn": READ,
        "snapshotId": READ,
    },
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": {"vpcId": DOCS},
    "aws:ec2/eip:Eip": {"domain": DOCS, "publicIpv4Pool": DOCS, "networkBorderGroup": DOCS},
    "aws:ec2/eipAssociation:EipAssociation": {
        "allocationId": DOCS,
        "allowReassociation": DOCS,
        "instanceId": DOCS,
        "networkInterfaceId": DOCS,
        "privateIpAddress": DOCS,
        "publicIp": DOCS,
    },
    "aws:ec2/flowLog:FlowLog": {
        "iamRoleArn": DOCS,
        "logDestination": DOCS,
        "trafficType": DOCS,
        "vpcId": DOCS,
    },
    "aws:ec2/instance:Instance": {
        "ami": DOCS,
        "associatePublicIpAddress": DOCS,
        "availabilityZone": DOCS,
        "keyName": DOCS,
        "privateIp": DOCS,
        "rootBlockDevice.encrypted": DOCS,
        "rootBlockDevice.kmsKeyId": DOCS,
        "securityGroups": DOCS,
        "subnetId": DOCS,
    },
    "aws:ec2/internetGateway:InternetGateway": {},
    "aws:ec2/route:Route": {
        "destinationCidrBlock": DOCS,
        "destinationIpv6CidrBlock": DOCS,
        "destinationPrefixListId": DOCS,
        "routeTableId": DOCS,
    },
    "aws:ec2/routeTable:RouteTable": {"vpcId": DOCS},
    "aws:ec2/routeTableAssociation:RouteTableAssociation": {"subnetId": DOCS, "gatewayId": DOCS},
    "aws:ec2/securityGroup:SecurityGroup": {
        "description": DOCS,
        "name": DOCS,
        "namePrefix": DOCS,
        "vpcId": DOCS,
    },
    "aws:ec2/subnet:Subnet": {"availabilityZone": DOCS, "cidrBlock": DOCS, "vpcId": DOCS},
    "aws:ec2/volumeAttachment:VolumeAttachment": {
        "deviceName": DOCS,
        "instanceId": DOCS,
        "volumeId": DOCS,
    },
    "aws:ec2/vpc:Vpc": {"cidrBlock": DOCS, "ipv4IpamPoolId": DOCS, "ipv4NetmaskLength": DOCS},
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": {
        "preserveClientIp": DOCS,
        "securityGroupIds": DOCS,
        "subnetId": DOCS,
    },
    "aws:iam/instanceProfile:InstanceProfile": {"name": DOCS, "namePrefix": DOCS, "path": DOCS},
    "aws:iam/role:Role": {"name": DOCS, "namePrefix": DOCS, "path": DOCS},
    "aws:iam/rolePolicy:RolePolicy": {"name": DOCS, "namePrefix": DOCS, "role": DOCS},
    "aws:rds/instance:Instance": {
        "availabilityZone": DOCS,
        "characterSetName": DOCS,
        "dbName": DOCS,
        "engine": DOCS,
        "identifierPrefix": DOCS,
        "kmsKeyId": DOCS,
        "snapshotIdentifier": DOCS,
        "storageEncrypted": DOCS,
        "timezone": DOCS,
        "username": DOCS,
    },
    "aws:rds/parameterGroup:ParameterGroup": {
        "description": DOCS,
        "family": DOCS,
        "name": DOCS,
        "namePrefix": DOCS,
    },
    "aws:rds/subnetGroup:SubnetGroup": {"name": DOCS, "namePrefix": DOCS},
    "aws:sns/topic:Topic": {"name": DOCS, "namePrefix": DOCS, "fifoTopic": DOCS},
    "aws:sns/topicSubscription:TopicSubscription": {
        "endpoint": DOCS,
        "protocol": DOCS,
        "topic": DOCS,
    },
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {"securityGroupId": DOCS},
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {"securityGroupId": DOCS},
    "digitalocean:index/databaseCluster:DatabaseCluster": {
        "engine": READ,
        "name": READ,
        "privateNetworkUuid": READ,
        "projectId": READ,
    },
    "digitalocean:index/databaseFirewall:DatabaseFirewall": {"clusterId": READ},
    "digitalocean:index/databaseReplica:DatabaseReplica": {
        "clusterId": READ,
        "name": READ,
        "privateNetworkUuid": READ,
        "region": READ,
        "tags": READ,
    },
    "digitalocean:index/droplet:Droplet": {
        "dropletAgent": READ,
        "image": READ,
        "monitoring": READ,
        "publicNetworking": READ,
        "region": READ,
        "sshKeys": READ,
        "userData": READ,
        "vpcUuid": READ,
    },
    "digitalocean:index/firewall:Firewall": {},
    "digitalocean:index/monitorAlert:MonitorAlert": {},
    "digitalocean:index/reservedIp:ReservedIp": {"region": READ},
    "digitalocean:index/reservedIpAssignment:ReservedIpAssignment": {
        "dropletId": READ,
        "ipAddress": READ,
    },
    "digitalocean:index/tag:Tag": {"name": READ},
    "digitalocean:index/volume:Volume": {
        "description": READ,
        "initialFilesystemLabel": READ,
        "initialFilesystemType": READ,
        "name": READ,
        "region": READ,
        "snapshotId": READ,
    },
    "digitalocean:index/volumeAttachment:VolumeAttachment": {"dropletId": READ, "volumeId": READ},
    "digitalocean:index/vpc:Vpc": {"ipRange": READ, "region": READ},
}


def of(token: str) -> set[str]:
    """The inputs of a type whose change replaces it; ``KeyError`` for a type that is not here."""
    return {*REPLACES[token], *ANYWHERE.get(token.partition(":")[0], {})}
