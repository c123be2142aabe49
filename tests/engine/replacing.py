"""The one table of the inputs whose change replaces a resource; any other one is changed in place.

Each has its source. Both kinds are of the upstream Terraform providers, whose schema the Pulumi
providers take over: ``read`` was seen in the provider's source (``ForceNew``); ``memory`` was not
looked up. What is conditional there (a plan of another architecture, a smaller disk) is not here.
"""

from __future__ import annotations

from collections.abc import Mapping

READ, MEMORY = "read", "memory"

ANYWHERE = {"aws": {"region": MEMORY}}
"""Inputs that replace whatever has them, by package."""

REPLACES: Mapping[str, Mapping[str, str]] = {
    "aws:cloudwatch/logGroup:LogGroup": {
        "name": MEMORY,
        "namePrefix": MEMORY,
        "logGroupClass": MEMORY,
    },
    "aws:cloudwatch/metricAlarm:MetricAlarm": {"name": MEMORY},
    "aws:ebs/volume:Volume": {
        "availabilityZone": READ,
        "encrypted": READ,
        "kmsKeyId": READ,
        "multiAttachEnabled": READ,
        "outpostArn": READ,
        "snapshotId": READ,
    },
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": {"vpcId": MEMORY},
    "aws:ec2/eip:Eip": {"domain": MEMORY, "publicIpv4Pool": MEMORY, "networkBorderGroup": MEMORY},
    "aws:ec2/eipAssociation:EipAssociation": {
        "allocationId": MEMORY,
        "allowReassociation": MEMORY,
        "instanceId": MEMORY,
        "networkInterfaceId": MEMORY,
        "privateIpAddress": MEMORY,
        "publicIp": MEMORY,
    },
    "aws:ec2/flowLog:FlowLog": {
        "iamRoleArn": MEMORY,
        "logDestination": MEMORY,
        "trafficType": MEMORY,
        "vpcId": MEMORY,
    },
    "aws:ec2/instance:Instance": {
        "ami": MEMORY,
        "associatePublicIpAddress": MEMORY,
        "availabilityZone": MEMORY,
        "keyName": MEMORY,
        "privateIp": MEMORY,
        "rootBlockDevice.encrypted": MEMORY,
        "rootBlockDevice.kmsKeyId": MEMORY,
        "securityGroups": MEMORY,
        "subnetId": MEMORY,
    },
    "aws:ec2/internetGateway:InternetGateway": {},
    "aws:ec2/route:Route": {
        "destinationCidrBlock": MEMORY,
        "destinationIpv6CidrBlock": MEMORY,
        "destinationPrefixListId": MEMORY,
        "routeTableId": MEMORY,
    },
    "aws:ec2/routeTable:RouteTable": {"vpcId": MEMORY},
    "aws:ec2/routeTableAssociation:RouteTableAssociation": {
        "subnetId": MEMORY,
        "gatewayId": MEMORY,
    },
    "aws:ec2/securityGroup:SecurityGroup": {
        "description": MEMORY,
        "name": MEMORY,
        "namePrefix": MEMORY,
        "vpcId": MEMORY,
    },
    "aws:ec2/subnet:Subnet": {"availabilityZone": MEMORY, "cidrBlock": MEMORY, "vpcId": MEMORY},
    "aws:ec2/volumeAttachment:VolumeAttachment": {
        "deviceName": MEMORY,
        "instanceId": MEMORY,
        "volumeId": MEMORY,
    },
    "aws:ec2/vpc:Vpc": {"cidrBlock": MEMORY, "ipv4IpamPoolId": MEMORY, "ipv4NetmaskLength": MEMORY},
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": {
        "preserveClientIp": MEMORY,
        "securityGroupIds": MEMORY,
        "subnetId": MEMORY,
    },
    "aws:iam/instanceProfile:InstanceProfile": {
        "name": MEMORY,
        "namePrefix": MEMORY,
        "path": MEMORY,
    },
    "aws:iam/role:Role": {"name": MEMORY, "namePrefix": MEMORY, "path": MEMORY},
    "aws:iam/rolePolicy:RolePolicy": {"name": MEMORY, "namePrefix": MEMORY, "role": MEMORY},
    "aws:iam/accessKey:AccessKey": {"pgpKey": MEMORY, "user": MEMORY},
    "aws:iam/user:User": {},
    "aws:iam/userPolicy:UserPolicy": {"name": MEMORY, "namePrefix": MEMORY, "user": MEMORY},
    "aws:rds/instance:Instance": {
        "availabilityZone": MEMORY,
        "characterSetName": MEMORY,
        "dbName": MEMORY,
        "engine": MEMORY,
        "identifierPrefix": MEMORY,
        "kmsKeyId": MEMORY,
        "snapshotIdentifier": MEMORY,
        "storageEncrypted": MEMORY,
        "timezone": MEMORY,
        "username": MEMORY,
    },
    "aws:rds/parameterGroup:ParameterGroup": {
        "description": MEMORY,
        "family": MEMORY,
        "name": MEMORY,
        "namePrefix": MEMORY,
    },
    "aws:rds/subnetGroup:SubnetGroup": {"name": MEMORY, "namePrefix": MEMORY},
    "aws:s3/bucket:Bucket": {
        "bucket": MEMORY,
        "bucketPrefix": MEMORY,
        "objectLockEnabled": MEMORY,
    },
    "aws:route53/healthCheck:HealthCheck": {
        "measureLatency": READ,
        "referenceName": READ,
        "requestInterval": READ,
        "routingControlArn": READ,
        "type": READ,
    },
    "aws:route53/record:Record": {"name": READ, "zoneId": READ},
    **{
        f"aws:s3/bucket{part}:Bucket{part}": {"bucket": MEMORY}
        for part in ("OwnershipControls", "Policy", "PublicAccessBlock")
    },
    **{
        f"aws:s3/bucket{part}:Bucket{part}": {"bucket": MEMORY, "expectedBucketOwner": MEMORY}
        for part in ("LifecycleConfiguration", "ServerSideEncryptionConfiguration", "Versioning")
    },
    "aws:sns/topic:Topic": {"name": MEMORY, "namePrefix": MEMORY, "fifoTopic": MEMORY},
    "aws:sns/topicSubscription:TopicSubscription": {
        "endpoint": MEMORY,
        "protocol": MEMORY,
        "topic": MEMORY,
    },
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {"securityGroupId": MEMORY},
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {"securityGroupId": MEMORY},
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
    "digitalocean:index/dnsRecord:DnsRecord": {"domain": READ, "type": READ},
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
    "digitalocean:index/spacesBucket:SpacesBucket": {"name": MEMORY, "region": MEMORY},
    "digitalocean:index/spacesKey:SpacesKey": {},
    "digitalocean:index/tag:Tag": {"name": READ},
    "digitalocean:index/uptimeAlert:UptimeAlert": {},
    "digitalocean:index/uptimeCheck:UptimeCheck": {},
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
