"""What a server may do in the account: with alarms send its own metrics, without them nothing.

The profile is always there: the provider takes none off a server
(``iam_instance_profile`` is computed), and one that went with the alarms would leave the server
with a profile that no longer exists.
"""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from components.clouds.aws.context import Context
from components.clouds.aws.resources import alarms, boundary


def make(
    ctx: Context, name: str, boundary_arn: pulumi.Output[str], parent: pulumi.Resource
) -> pulumi.Output[str]:
    """Declare role and profile; return the profile's name."""
    role = aws.iam.Role(
        f"{name}-server",
        description="App server: sends its own metrics",
        path=boundary.PATH,
        permissions_boundary=boundary_arn,
        assume_role_policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "ec2.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            }
        ),
        tags=ctx.tags(f"{name}-server"),
        opts=ctx.child(parent),
    )
    if ctx.settings.alarms.wanted:
        _may_send_metrics(ctx, name, role, parent)
    made = aws.iam.InstanceProfile(
        f"{name}-server",
        path=boundary.PATH,
        role=role.name,
        tags=ctx.tags(f"{name}-server"),
        opts=ctx.child(parent),
    )
    return made.name


def _may_send_metrics(ctx: Context, name: str, role: aws.iam.Role, parent: pulumi.Resource) -> None:
    aws.iam.RolePolicy(
        f"{name}-server-metrics",
        role=role.id,
        policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "cloudwatch:PutMetricData",
                        "Resource": "*",  # this action knows no resources, only the condition
                        "Condition": {
                            "StringEquals": {"cloudwatch:namespace": alarms.namespace(ctx)}
                        },
                    }
                ],
            }
        ),
        opts=ctx.child(parent),
    )
