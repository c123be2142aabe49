"""Whether the site answers from outside: a health check of Route 53, and an alarm on it.

Route 53 asks from several continents, each twice a minute. For the address of a server at AWS that
is free, of the first 50 checks of an account; HTTPS costs $1.00 a month, the alarm $0.10. What it
finds is a metric in ``us-east-1`` alone, so alarm and topic are there, wherever the stack is: AWS
sends a second message to have the address confirmed. Whether a certificate is valid it does not
look at.
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.clouds.aws.context import Context
from components.clouds.aws.resources import alarms
from components.clouds.aws.resources.network import AwsNetwork
from components.seam.uptime import UptimeNeeds

REGION = "us-east-1"
"""https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/monitoring-health-checks.html"""
INTERVAL_S = 30
FAILURES = 3
"""A checker believes the third failure in a row; 18 % of them make the site well."""


def make(
    ctx: Context,
    name: str,
    needs: UptimeNeeds,
    address: pulumi.Output[str],
    network: AwsNetwork,
    parent: pulumi.Resource,
) -> None:
    """Declare check and alarm, and the topic where the network's is in another region."""
    name = f"{name}-uptime"
    check = aws.route53.HealthCheck(
        name,
        type="HTTPS" if needs.domain else "HTTP",
        # The address and not the name: a check of what is at AWS, whatever DNS says.
        ip_address=address,
        fqdn=needs.domain,
        port=443 if needs.domain else 80,
        resource_path=needs.path,
        request_interval=INTERVAL_S,
        failure_threshold=FAILURES,
        tags=ctx.tags(name),
        opts=ctx.child(parent),
    )
    alarm = alarms.Alarm(
        role="down",
        meaning=f"The site does not answer at {needs.path}, asked from outside",
        namespace="AWS/Route53",
        metric="HealthCheckStatus",
        threshold=1,
        below=True,
        dimensions={"HealthCheckId": check.id},
        statistic="Minimum",
        period_s=60,
        periods=1,
    )
    here = ctx.region == REGION
    topic_arn = network.topic_arn if here else alarms.topic(ctx, name, parent, REGION)
    alarms.make(ctx, name, [alarm], topic_arn, parent, REGION)
