"""What is known of AWS's types (``components/seam/kinds.py``).

The inputs that replace are those that ``hashicorp/terraform-provider-aws`` marks with ForceNew or
RequiresReplace; Pulumi's provider is built from it. Every resource has a region, and another one
replaces it. Types that are not here are taken to change in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from components.seam.kinds import Holds, Kind


def _kind(*replaces: str, holds: Holds = "", unless_input: str = "") -> Kind:
    return Kind(replaces=("region", *replaces), holds=holds, unless_input=unless_input)


KINDS: Final[Mapping[str, Kind]] = {
    "pulumi:providers:aws": _kind(),
    "aws:cloudwatch/logGroup:LogGroup": _kind("name", "namePrefix"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _kind("name"),
    "aws:ebs/volume:Volume": _kind(
        "availabilityZone", "encrypted", "kmsKeyId", "snapshotId", "outpostArn", holds="data"
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _kind("vpcId"),
    "aws:ec2/eip:Eip": _kind(
        "domain", "networkBorderGroup", "publicIpv4Pool", "address", holds="address"
    ),
    "aws:ec2/eipAssociation:EipAssociation": _kind(
        "allocationId", "instanceId", "networkInterfaceId", "privateIpAddress", "allowReassociation"
    ),
    "aws:ec2/flowLog:FlowLog": _kind(
        *("vpcId", "subnetId", "trafficType", "iamRoleArn", "logDestination"),
        *("logDestinationType", "logFormat", "maxAggregationInterval"),
    ),
    "aws:ec2/instance:Instance": _kind(
        *("ami", "associatePublicIpAddress", "availabilityZone", "keyName", "privateIp"),
        *("rootBlockDevice.encrypted", "rootBlockDevice.kmsKeyId", "secondaryPrivateIps"),
        "subnetId",
    ),
    "aws:ec2/internetGateway:InternetGateway": _kind(),
    "aws:ec2/route:Route": _kind("routeTableId", "destinationCidrBlock"),
    "aws:ec2/routeTable:RouteTable": _kind("vpcId"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _kind("subnetId", "gatewayId"),
    "aws:ec2/securityGroup:SecurityGroup": _kind("name", "namePrefix", "description", "vpcId"),
    "aws:ec2/subnet:Subnet": _kind("vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"),
    "aws:ec2/volumeAttachment:VolumeAttachment": _kind("deviceName", "instanceId", "volumeId"),
    "aws:ec2/vpc:Vpc": _kind("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": _kind(
        "subnetId", "securityGroupIds", "preserveClientIp"
    ),
    "aws:iam/instanceProfile:InstanceProfile": _kind("name", "namePrefix", "path"),
    "aws:iam/role:Role": _kind("name", "namePrefix", "path"),
    "aws:iam/rolePolicy:RolePolicy": _kind("name", "namePrefix", "role"),
    "aws:iam/accessKey:AccessKey": _kind("user", "pgpKey"),
    "aws:iam/user:User": _kind(),
    "aws:iam/userPolicy:UserPolicy": _kind("name", "namePrefix", "user"),
    "aws:rds/instance:Instance": _kind(
        *("availabilityZone", "characterSetName", "dbName", "engine", "identifierPrefix"),
        *("kmsKeyId", "snapshotIdentifier", "storageEncrypted", "timezone", "username"),
        holds="data",
        unless_input="replicateSourceDb",
    ),
    "aws:rds/parameterGroup:ParameterGroup": _kind("name", "namePrefix", "family", "description"),
    "aws:rds/subnetGroup:SubnetGroup": _kind("name", "namePrefix"),
    "aws:s3/bucket:Bucket": _kind("bucket", "bucketPrefix", "objectLockEnabled", holds="data"),
    **{
        f"aws:s3/bucket{part}:Bucket{part}": _kind("bucket", "expectedBucketOwner")
        for part in (
            *("LifecycleConfiguration", "ObjectLockConfiguration", "OwnershipControls", "Policy"),
            *("PublicAccessBlock", "ServerSideEncryptionConfiguration", "Versioning"),
        )
    },
    "aws:sns/topic:Topic": _kind("name", "namePrefix", "fifoTopic"),
    "aws:sns/topicSubscription:TopicSubscription": _kind("endpoint", "protocol", "topic"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _kind("securityGroupId"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _kind("securityGroupId"),
}
