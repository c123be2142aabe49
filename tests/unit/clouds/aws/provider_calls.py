"""What AWS's provider asks for each type of resource, from its source, and our own commands.

One line a call: the action, then each resource that it names, with what AWS knows of its tags:
``made`` is being made with the project's tag, ``ours`` has it, ``plain`` can have none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.support.iam import ACCOUNT, Request

REGION = "eu-central-1"
TAG = {"made": "aws:RequestTag/project", "ours": "aws:ResourceTag/project"}
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/stages-boundary"

ROLE = """
iam:CreateRole role:made
iam:TagRole role:made
iam:TagRole role:ours
iam:UntagRole role:ours
iam:UpdateAssumeRolePolicy role:ours
iam:DeleteRole role:ours
"""
CALLS: Mapping[str, str] = {
    "cloudwatch/logGroup:LogGroup": """
logs:CreateLogGroup log-group:made
logs:TagResource log-group:made
logs:UntagResource log-group:ours
logs:PutRetentionPolicy log-group:ours
logs:DeleteLogGroup log-group:ours
""",
    "cloudwatch/metricAlarm:MetricAlarm": """
cloudwatch:PutMetricAlarm alarm:made
cloudwatch:TagResource alarm:made
cloudwatch:UntagResource alarm:ours
cloudwatch:DeleteAlarms alarm:ours
iam:CreateServiceLinkedRole events.amazonaws.com:plain
""",
    "ebs/volume:Volume": """
ec2:CreateVolume volume:made
ec2:CreateTags volume:made
ec2:CreateTags volume:ours
ec2:DeleteTags volume:ours
ec2:ModifyVolume volume:ours
ec2:CreateSnapshot volume:ours snapshot:made
ec2:DeleteVolume volume:ours
""",
    "ec2/defaultSecurityGroup:DefaultSecurityGroup": """
ec2:RevokeSecurityGroupIngress security-group:plain
ec2:RevokeSecurityGroupEgress security-group:plain
""",
    "ec2/eip:Eip": """
ec2:AllocateAddress elastic-ip:made
ec2:CreateTags elastic-ip:made
ec2:ReleaseAddress elastic-ip:ours
""",
    "ec2/eipAssociation:EipAssociation": """
ec2:AssociateAddress elastic-ip:ours instance:ours network-interface:plain
ec2:DisassociateAddress elastic-ip:ours network-interface:plain
""",
    "ec2/flowLog:FlowLog": """
ec2:CreateFlowLogs vpc:ours vpc-flow-log:made
ec2:CreateTags vpc-flow-log:made
ec2:DeleteFlowLogs vpc-flow-log:ours
iam:PassRole role:vpc-flow-logs.amazonaws.com
""",
    "ec2/instance:Instance": """
ec2:RunInstances instance:made image:plain subnet:ours security-group:ours
ec2:RunInstances network-interface:plain volume:plain
ec2:CreateTags instance:made
ec2:StopInstances instance:ours
ec2:StartInstances instance:ours
ec2:TerminateInstances instance:ours
ec2:ModifyInstanceAttribute instance:ours
ec2:ModifyInstanceMetadataOptions instance:ours
ec2:AssociateIamInstanceProfile instance:ours
ec2:ReplaceIamInstanceProfileAssociation instance:ours
ec2:DisassociateIamInstanceProfile instance:ours
iam:PassRole role:ec2.amazonaws.com
""",
    "ec2/internetGateway:InternetGateway": """
ec2:CreateInternetGateway internet-gateway:made
ec2:CreateTags internet-gateway:made
ec2:AttachInternetGateway internet-gateway:ours vpc:ours
ec2:DetachInternetGateway internet-gateway:ours vpc:ours
ec2:DeleteInternetGateway internet-gateway:ours
""",
    "ec2/route:Route": """
ec2:CreateRoute route-table:ours
ec2:ReplaceRoute route-table:ours
ec2:DeleteRoute route-table:ours
""",
    "ec2/routeTable:RouteTable": """
ec2:CreateRouteTable route-table:made vpc:ours
ec2:CreateTags route-table:made
ec2:DeleteRouteTable route-table:ours
""",
    "ec2/routeTableAssociation:RouteTableAssociation": """
ec2:AssociateRouteTable route-table:ours subnet:ours
ec2:ReplaceRouteTableAssociation route-table:ours subnet:ours
ec2:DisassociateRouteTable route-table:ours subnet:ours
""",
    "ec2/securityGroup:SecurityGroup": """
ec2:CreateSecurityGroup security-group:made vpc:ours
ec2:CreateTags security-group:made
ec2:RevokeSecurityGroupEgress security-group:ours
ec2:DeleteSecurityGroup security-group:ours
""",
    "ec2/subnet:Subnet": """
ec2:CreateSubnet subnet:made vpc:ours
ec2:CreateTags subnet:made
ec2:ModifySubnetAttribute subnet:ours
ec2:DeleteSubnet subnet:ours
""",
    "ec2/volumeAttachment:VolumeAttachment": """
ec2:AttachVolume instance:ours volume:ours
ec2:StopInstances instance:ours
ec2:DetachVolume instance:ours volume:ours
""",
    "ec2/vpc:Vpc": """
ec2:CreateVpc vpc:made
ec2:CreateTags vpc:made
ec2:ModifyVpcAttribute vpc:ours
ec2:DeleteVpc vpc:ours
""",
    "ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": """
ec2:CreateInstanceConnectEndpoint instance-connect-endpoint:made subnet:ours security-group:ours
ec2:CreateNetworkInterface network-interface:plain subnet:ours security-group:ours
ec2:CreateTags instance-connect-endpoint:made
ec2:DeleteInstanceConnectEndpoint instance-connect-endpoint:ours
iam:CreateServiceLinkedRole ec2-instance-connect.amazonaws.com:plain
""",
    "iam/accessKey:AccessKey": """
iam:CreateAccessKey user:plain
iam:DeleteAccessKey user:plain
""",
    "iam/user:User": """
iam:CreateUser user:bounded
iam:TagUser user:plain
iam:UntagUser user:plain
iam:DeleteUser user:plain
""",
    "iam/userPolicy:UserPolicy": """
iam:PutUserPolicy user:bounded
iam:DeleteUserPolicy user:bounded
""",
    "iam/instanceProfile:InstanceProfile": """
iam:CreateInstanceProfile instance-profile:made
iam:TagInstanceProfile instance-profile:made
iam:UntagInstanceProfile instance-profile:ours
iam:AddRoleToInstanceProfile instance-profile:ours
iam:RemoveRoleFromInstanceProfile instance-profile:ours
iam:DeleteInstanceProfile instance-profile:ours
iam:PassRole role:ec2.amazonaws.com
""",
    "iam/role:Role": ROLE,
    "iam/rolePolicy:RolePolicy": """
iam:PutRolePolicy role:ours
iam:DeleteRolePolicy role:ours
""",
    "rds/instance:Instance": """
rds:CreateDBInstance db:made pg:made subgrp:made og:made
rds:CreateDBInstanceReadReplica db:made pg:made subgrp:made og:made
rds:AddTagsToResource db:made
rds:AddTagsToResource db:ours
rds:RemoveTagsFromResource db:ours
rds:ModifyDBInstance db:ours pg:plain subgrp:plain og:plain
rds:RebootDBInstance db:ours
rds:CreateDBSnapshot db:ours snapshot:plain
rds:AddTagsToResource snapshot:plain
rds:DeleteDBInstance db:ours
iam:CreateServiceLinkedRole rds.amazonaws.com:plain
""",
    "rds/parameterGroup:ParameterGroup": """
rds:CreateDBParameterGroup pg:made
rds:AddTagsToResource pg:made
rds:ModifyDBParameterGroup pg:ours
rds:ResetDBParameterGroup pg:ours
rds:DeleteDBParameterGroup pg:ours
""",
    "rds/subnetGroup:SubnetGroup": """
rds:CreateDBSubnetGroup subgrp:made
rds:AddTagsToResource subgrp:made
rds:ModifyDBSubnetGroup subgrp:ours
rds:DeleteDBSubnetGroup subgrp:ours
""",
    "route53/healthCheck:HealthCheck": """
route53:CreateHealthCheck new-healthcheck:plain
route53:ChangeTagsForResource healthcheck:plain
route53:UpdateHealthCheck healthcheck:plain
route53:DeleteHealthCheck healthcheck:plain
""",
    "route53/record:Record": """
route53:ChangeResourceRecordSets hostedzone:plain
""",
    "s3/bucket:Bucket": """
s3:CreateBucket bucket:plain
s3:PutBucketTagging bucket:plain
s3:DeleteBucket bucket:plain
""",
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": """
s3:PutLifecycleConfiguration bucket:plain
""",
    "s3/bucketOwnershipControls:BucketOwnershipControls": """
s3:PutBucketOwnershipControls bucket:plain
""",
    "s3/bucketPolicy:BucketPolicy": """
s3:PutBucketPolicy bucket:plain
s3:DeleteBucketPolicy bucket:plain
""",
    "s3/bucketPublicAccessBlock:BucketPublicAccessBlock": """
s3:PutBucketPublicAccessBlock bucket:plain
""",
    "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": """
s3:PutEncryptionConfiguration bucket:plain
""",
    "s3/bucketVersioning:BucketVersioning": """
s3:PutBucketVersioning bucket:plain
""",
    "sns/topic:Topic": """
sns:CreateTopic topic:made
sns:TagResource topic:made
sns:UntagResource topic:ours
sns:SetTopicAttributes topic:ours
sns:DeleteTopic topic:ours
""",
    "sns/topicSubscription:TopicSubscription": """
sns:Subscribe topic:ours
sns:Unsubscribe topic:ours
""",
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule": """
ec2:AuthorizeSecurityGroupEgress security-group:ours security-group-rule:made
ec2:CreateTags security-group-rule:made
ec2:ModifySecurityGroupRules security-group:ours security-group-rule:ours
ec2:RevokeSecurityGroupEgress security-group:ours
""",
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": """
ec2:AuthorizeSecurityGroupIngress security-group:ours security-group-rule:made
ec2:CreateTags security-group-rule:made
ec2:ModifySecurityGroupRules security-group:ours security-group-rule:ours
ec2:RevokeSecurityGroupIngress security-group:ours
""",
}

NOT_EVALUATED = {
    "ec2-instance-connect:OpenTunnel",  # the evaluator's data has its resource twice
    "s3:PutBucketObjectLockConfiguration",  # of a locked bucket, which no setting asks for yet
    "s3:TagResource",  # which S3 asks for newer providers' tags, beside PutBucketTagging
    "s3:UntagResource",
}
"""Actions without a call in this table, and why."""

ARNS = {
    "bucket": "arn:aws:s3:::aws-stage1-storage-bucket-1a2b3c4",
    "user": f"arn:aws:iam::{ACCOUNT}:user/stages/aws-stage1-storage-bucket-1a2b3c4",
    "alarm": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:aws-stage1-app-server-cpu-1a2b3c4",
    "db": f"arn:aws:rds:{REGION}:{ACCOUNT}:db:aws-stage2-database1a2b3c4",
    "healthcheck": "arn:aws:route53:::healthcheck/0a1b2c3d",
    "hostedzone": "arn:aws:route53:::hostedzone/Z2FDTNDATAQYW2",
    "image": f"arn:aws:ec2:{REGION}::image/ami-1",
    "instance-profile": f"arn:aws:iam::{ACCOUNT}:instance-profile/stages/aws-stage1-app-server-1",
    "log-group": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:aws-stage1-flows-1a2b3c4",
    "new-healthcheck": "*",
    "og": f"arn:aws:rds:{REGION}:{ACCOUNT}:og:default:postgres-17",
    "pg": f"arn:aws:rds:{REGION}:{ACCOUNT}:pg:aws-stage2-database-1a2b3c4",
    "snapshot": f"arn:aws:ec2:{REGION}::snapshot/snap-1",
    "role": f"arn:aws:iam::{ACCOUNT}:role/stages/aws-stage1-app-server-1a2b3c4",
    "rds snapshot": f"arn:aws:rds:{REGION}:{ACCOUNT}:snapshot:aws-stage2-database-1a2b3c4-final",
    "subgrp": f"arn:aws:rds:{REGION}:{ACCOUNT}:subgrp:aws-stage2-database-1a2b3c4",
    "topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:aws-stage2-alarms-1a2b3c4",
}


@dataclass(frozen=True)
class Call:
    """One action on one of the resources that it names."""

    action: str
    kind: str
    state: str

    @property
    def arn(self) -> str:
        if "." in self.kind:
            return f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{self.kind}/AWSServiceRoleForIt"
        kind = (
            f"rds {self.kind}" if self.kind == "snapshot" and "rds:" in self.action else self.kind
        )
        return ARNS.get(kind, f"arn:aws:ec2:{REGION}:{ACCOUNT}:{kind}/{kind}-1")

    def request(self) -> Request:
        """The request as AWS sees it when the provider makes it."""
        context: dict[str, str | list[str]] = {}
        if self.state in TAG:
            context[TAG[self.state]] = "stages"
        elif "." in self.state:
            context["iam:PassedToService"] = self.state
        if self.action == "ec2:CreateTags" and self.state == "made":
            context["ec2:CreateAction"] = "CreateSomething"
        if self.action == "rds:AddTagsToResource" and self.state == "made":
            context["rds:TagsFromRequest"] = "true"
        if self.action == "iam:CreateServiceLinkedRole":
            context["iam:AWSServiceName"] = self.kind
        if self.action == "cloudwatch:PutMetricAlarm":
            recover = f"arn:aws:automate:{REGION}:ec2:recover"
            context["cloudwatch:AlarmActions"] = [ARNS["topic"], recover]
        if self.action == "route53:ChangeResourceRecordSets":
            context["route53:ChangeResourceRecordSetsRecordTypes"] = ["A"]
        if self.kind == "role" or self.state == "bounded":
            context["iam:PermissionsBoundary"] = BOUNDARY
        return Request(self.action, self.arn, context)


def calls() -> Iterator[Call]:
    """Every call of every type."""
    for lines in CALLS.values():
        for line in lines.split("\n"):
            action, *resources = line.split() or [""]
            for resource in resources:
                kind, _, state = resource.rpartition(":")
                yield Call(action, kind, state)
