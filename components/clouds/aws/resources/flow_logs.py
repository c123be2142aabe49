"""The log of the network's connections, when settings ask for it.

Costs about $0.50 a GB taken in (docs/costs.md, not looked up twice); off by default for that.
"""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from components.clouds.aws.context import Context
from components.clouds.aws.resources import boundary

RETENTION_DAYS = 90


def make(ctx: Context, name: str, vpc: aws.ec2.Vpc, parent: pulumi.Resource) -> None:
    """Declare log group, the role that may write to it, and the log."""
    group = aws.cloudwatch.LogGroup(
        f"{name}-flows",
        region=ctx.region,
        retention_in_days=RETENTION_DAYS,
        tags=ctx.tags(f"{name}-flows"),
        opts=ctx.child(parent),
    )
    role = aws.iam.Role(
        f"{name}-flows",
        path=boundary.PATH,
        permissions_boundary=boundary.arn(vpc.arn),
        assume_role_policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            }
        ),
        tags=ctx.tags(f"{name}-flows"),
        opts=ctx.child(parent),
    )
    policy = aws.iam.RolePolicy(
        f"{name}-flows",
        role=role.id,
        policy=group.arn.apply(_may_write),
        opts=ctx.child(parent),
    )
    aws.ec2.FlowLog(
        f"{name}-flows",
        region=ctx.region,
        vpc_id=vpc.id,
        traffic_type="ALL",
        log_destination=group.arn,
        iam_role_arn=role.arn,
        tags=ctx.tags(f"{name}-flows"),
        opts=ctx.child(parent, depends_on=[policy]),
    )


def _may_write(arn: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": [
                        "logs:CreateLogStream",
                        "logs:PutLogEvents",
                        "logs:DescribeLogStreams",
                    ],
                    "Resource": f"{arn}:*",
                }
            ],
        }
    )
