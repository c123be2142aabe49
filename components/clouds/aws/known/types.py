"""What is known of AWS's types, one row a type (``components/seam/known.py``).

The inputs that replace are those that ``hashicorp/terraform-provider-aws`` marks with ForceNew or
RequiresReplace; Pulumi's provider is built from it. Every resource has a region, and another one
replaces it. A type with a cost alone is in no stack of ours.
"""

from __future__ import annotations

from typing import Any, Final

from components.clouds.aws.known import (
    address_costs,
    costs,
    database_costs,
    downtime,
    facts,
    operations_costs,
)
from components.clouds.aws.known.names import (
    ADDRESS,
    ALARM,
    ASSOCIATION,
    ATTACHMENT,
    BUCKET,
    EGRESS,
    GROUP,
    INGRESS,
    INSTANCE,
    RDS,
    RECORD,
    VOLUME,
    VPC,
)
from components.seam.downtime import another_address, grown_volume
from components.seam.known import Known, free, no_facts


def _row(*replaces: str, **more: Any) -> Known:
    own = more.pop("facts", no_facts)
    return Known(replaces=("region", *replaces), facts=facts.with_labels(own), **more)


def _bucket_setting(terraform: str) -> Known:
    """Of a bucket, whose objects are what costs."""
    return _row("bucket", "expectedBucketOwner", terraform=terraform, cost=free)


KNOWN: Final[dict[str, Known]] = {
    # servers
    INSTANCE: _row(
        *("ami", "associatePublicIpAddress", "availabilityZone", "keyName", "privateIp"),
        *("rootBlockDevice.encrypted", "rootBlockDevice.kmsKeyId", "secondaryPrivateIps"),
        "subnetId",
        terraform="aws_instance",
        cost=costs.instance,
        downtime=downtime.server,
        facts=facts.server,
    ),
    VOLUME: _row(
        *("availabilityZone", "encrypted", "kmsKeyId", "snapshotId", "outpostArn"),
        holds="data",
        terraform="aws_ebs_volume",
        cost=costs.volume,
        downtime=grown_volume,
        facts=facts.volume,
    ),
    ATTACHMENT: _row(
        *("deviceName", "instanceId", "volumeId"), terraform="aws_volume_attachment", cost=free
    ),
    ADDRESS: _row(
        *("domain", "networkBorderGroup", "publicIpv4Pool", "address"),
        holds="address",
        terraform="aws_eip",
        cost=address_costs.static,
        downtime=another_address,
        facts=facts.address,
    ),
    ASSOCIATION: _row(
        *("allocationId", "instanceId", "networkInterfaceId", "privateIpAddress"),
        "allowReassociation",
        terraform="aws_eip_association",
        cost=free,
    ),
    "aws:ec2/getAmi:getAmi": Known(terraform="aws_ami"),
    # network
    VPC: _row("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength", terraform="aws_vpc", cost=free),
    "aws:ec2/subnet:Subnet": _row(
        *("vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"),
        terraform="aws_subnet",
        cost=free,
    ),
    "aws:ec2/internetGateway:InternetGateway": _row(terraform="aws_internet_gateway", cost=free),
    "aws:ec2/route:Route": _row(
        "routeTableId", "destinationCidrBlock", terraform="aws_route", cost=free
    ),
    "aws:ec2/routeTable:RouteTable": _row("vpcId", terraform="aws_route_table", cost=free),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _row(
        "subnetId", "gatewayId", terraform="aws_route_table_association", cost=free
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _row(
        "vpcId", terraform="aws_default_security_group", cost=free
    ),
    GROUP: _row(
        *("name", "namePrefix", "description", "vpcId"), terraform="aws_security_group", cost=free
    ),
    INGRESS: _row(
        "securityGroupId",
        terraform="aws_vpc_security_group_ingress_rule",
        cost=free,
        facts=facts.ingress,
    ),
    EGRESS: _row("securityGroupId", terraform="aws_vpc_security_group_egress_rule", cost=free),
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": _row(
        *("subnetId", "securityGroupIds", "preserveClientIp"),
        terraform="aws_ec2_instance_connect_endpoint",
        cost=free,
    ),
    "aws:ec2/flowLog:FlowLog": _row(  # priced as its log group
        *("vpcId", "subnetId", "trafficType", "iamRoleArn", "logDestination"),
        *("logDestinationType", "logFormat", "maxAggregationInterval"),
        terraform="aws_flow_log",
        cost=free,
    ),
    RECORD: _row("name", "zoneId", terraform="aws_route53_record", cost=operations_costs.record),
    "aws:route53/healthCheck:HealthCheck": _row(
        *("type", "measureLatency", "referenceName", "requestInterval", "routingControlArn"),
        terraform="aws_route53_health_check",
        cost=operations_costs.health_check,
    ),
    "aws:route53/getZone:getZone": Known(terraform="aws_route53_zone"),
    # databases
    RDS: _row(
        *("availabilityZone", "characterSetName", "dbName", "engine", "identifierPrefix"),
        *("kmsKeyId", "snapshotIdentifier", "storageEncrypted", "timezone", "username"),
        holds="data",
        unless_input="replicateSourceDb",
        terraform="aws_db_instance",
        cost=database_costs.instance,
        downtime=downtime.database,
        facts=facts.database,
    ),
    "aws:rds/parameterGroup:ParameterGroup": _row(
        *("name", "namePrefix", "family", "description"),
        terraform="aws_db_parameter_group",
        cost=free,
        downtime=downtime.parameters,
    ),
    "aws:rds/subnetGroup:SubnetGroup": _row(
        "name", "namePrefix", terraform="aws_db_subnet_group", cost=free
    ),
    # buckets
    BUCKET: _row(
        *("bucket", "bucketPrefix", "objectLockEnabled"),
        holds="data",
        terraform="aws_s3_bucket",
        cost=costs.bucket,
        facts=facts.bucket,
    ),
    **{
        f"aws:s3/bucket{part}:Bucket{part}": _bucket_setting(f"aws_s3_bucket_{terraform}")
        for part, terraform in {
            "LifecycleConfiguration": "lifecycle_configuration",
            "ObjectLockConfiguration": "object_lock_configuration",
            "OwnershipControls": "ownership_controls",
            "Policy": "policy",
            "PublicAccessBlock": "public_access_block",
            "ServerSideEncryptionConfiguration": "server_side_encryption_configuration",
            "Versioning": "versioning",
        }.items()
    },
    # rights
    "aws:iam/*": _row(cost=free),
    "aws:iam/instanceProfile:InstanceProfile": _row(
        "name", "namePrefix", "path", terraform="aws_iam_instance_profile", cost=free
    ),
    "aws:iam/role:Role": _row("name", "namePrefix", "path", terraform="aws_iam_role", cost=free),
    "aws:iam/rolePolicy:RolePolicy": _row(
        "name", "namePrefix", "role", terraform="aws_iam_role_policy", cost=free
    ),
    "aws:iam/accessKey:AccessKey": _row(
        "user", "pgpKey", terraform="aws_iam_access_key", cost=free
    ),
    "aws:iam/user:User": _row(terraform="aws_iam_user", cost=free),
    "aws:iam/userPolicy:UserPolicy": _row(
        "name", "namePrefix", "user", terraform="aws_iam_user_policy", cost=free
    ),
    # operations
    "aws:cloudwatch/logGroup:LogGroup": _row(
        *("name", "namePrefix"),
        terraform="aws_cloudwatch_log_group",
        cost=operations_costs.log_group,
    ),
    ALARM: _row("name", terraform="aws_cloudwatch_metric_alarm", cost=operations_costs.alarm),
    "aws:sns/topic:Topic": _row(  # 1,000 e-mails and 100,000 requests a month are free
        "name", "namePrefix", "fifoTopic", terraform="aws_sns_topic", cost=free
    ),
    "aws:sns/topicSubscription:TopicSubscription": _row(
        "endpoint", "protocol", "topic", terraform="aws_sns_topic_subscription", cost=free
    ),
    # of the engine, and of plans that are not ours
    "pulumi:providers:aws": _row(),
    "aws:*": _row(),
    "aws:acm/certificate:Certificate": _row(cost=costs.certificate),
    "aws:acm/certificateValidation:CertificateValidation": _row(cost=free),
    "aws:ec2/defaultSubnet:DefaultSubnet": _row(cost=free),
    "aws:ec2/keyPair:KeyPair": _row(cost=free),
    "aws:ec2/natGateway:NatGateway": _row(cost=costs.nat),
    "aws:ec2/networkAcl:NetworkAcl": _row(cost=free),
    "aws:ec2/networkAclRule:NetworkAclRule": _row(cost=free),
    "aws:ec2/networkInterface:NetworkInterface": _row(cost=free),
    "aws:ec2/securityGroupRule:SecurityGroupRule": _row(cost=free),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _row(cost=costs.endpoint),
    "aws:kms/alias:Alias": _row(cost=free),
    "aws:kms/key:Key": _row(cost=operations_costs.kms_key),
    "aws:lightsail/database:Database": _row(cost=costs.lightsail_database),
    "aws:lightsail/instance:Instance": _row(cost=costs.lightsail),
    "aws:rds/snapshot:Snapshot": _row(cost=free),  # counts as a backup of its database
    "aws:secretsmanager/secret:Secret": _row(cost=operations_costs.secret),
    "aws:secretsmanager/secretVersion:SecretVersion": _row(cost=free),  # priced as its secret
    **dict.fromkeys(costs.SNAPSHOTS, _row(cost=costs.snapshot)),
    **{type_: _row(cost=costs.bucket) for type_ in costs.BUCKETS if type_ != BUCKET},
    **{
        f"aws:s3/bucket{part}:Bucket{part}": _row(cost=free)
        for part in (
            *("Acl", "AclV2", "Notification", "LifecycleConfigurationV2"),
            *("ObjectLockConfigurationV2", "ServerSideEncryptionConfigurationV2", "VersioningV2"),
        )
    },
}
