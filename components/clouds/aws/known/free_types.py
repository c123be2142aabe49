"""Types of AWS that cost nothing, and why."""

from __future__ import annotations

from collections.abc import Mapping

BUCKET_SETTINGS = (
    *("Acl", "LifecycleConfiguration", "Notification", "ObjectLockConfiguration"),
    *("OwnershipControls", "Policy", "PublicAccessBlock", "ServerSideEncryptionConfiguration"),
    "Versioning",
)
"""Of a bucket, whose objects are what costs."""

FREE: Mapping[str, str] = {
    "aws:ec2/vpc:Vpc": "",
    "aws:ec2/subnet:Subnet": "",
    "aws:ec2/defaultSubnet:DefaultSubnet": "",
    "aws:ec2/internetGateway:InternetGateway": "",
    "aws:ec2/routeTable:RouteTable": "",
    "aws:ec2/route:Route": "",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "",
    "aws:ec2/securityGroup:SecurityGroup": "",
    "aws:ec2/securityGroupRule:SecurityGroupRule": "",
    "aws:ec2/networkAcl:NetworkAcl": "",
    "aws:ec2/networkAclRule:NetworkAclRule": "",
    "aws:ec2/networkInterface:NetworkInterface": "",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "",
    "aws:ec2/keyPair:KeyPair": "",
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": "",
    "aws:ec2/volumeAttachment:VolumeAttachment": "priced as its volume",
    "aws:ec2/eipAssociation:EipAssociation": "priced as its address",
    "aws:ec2/flowLog:FlowLog": "priced as its log group",
    "aws:iam/*": "",
    "aws:acm/certificateValidation:CertificateValidation": "",
    "aws:rds/subnetGroup:SubnetGroup": "",
    "aws:rds/parameterGroup:ParameterGroup": "",
    "aws:rds/snapshot:Snapshot": "counts as a backup of its database",
    "aws:sns/topic:Topic": "1,000 e-mails a month are free",
    "aws:sns/topicSubscription:TopicSubscription": "1,000 e-mails a month are free",
    "aws:kms/alias:Alias": "",
    "aws:secretsmanager/secretVersion:SecretVersion": "priced as its secret",
    **{
        f"aws:s3/bucket{name}{version}:Bucket{name}{version}": "priced as its bucket"
        for name in BUCKET_SETTINGS
        for version in ("", "V2")
    },
}
