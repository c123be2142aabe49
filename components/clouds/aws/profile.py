"""What a server may do in the account: send its own metrics, and nothing else.

Without alarms it needs no right at all and has no profile.
"""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from components.clouds.aws import alarms
from components.clouds.aws.context import Context


def make(ctx: Context, name: str, parent: pulumi.Resource) -> pulumi.Output[str] | None:
    """Declare role and profile; return the profile's name, ``None`` without alarms."""
    if ctx.settings.alarms.email is None:
        return None
    role = aws.iam.Role(
        f"{name}-server",
        description="App server: sends its own metrics",
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
    made = aws.iam.InstanceProfile(
        f"{name}-server",
        role=role.name,
        tags=ctx.tags(f"{name}-server"),
        opts=ctx.child(parent),
    )
    return made.name
