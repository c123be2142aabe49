"""What AWS's records, alarms, logs, keys and secrets cost."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from components.clouds.aws.known.disk_costs import region
from components.clouds.aws.known.names import ADDRESS
from components.seam.cost_rules import Stack
from components.seam.costs import MONTH, Line, Unpriced, unpriced
from components.seam.planned import PlannedResource

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
SHORT_PERIOD_S = 60
"""An alarm on a shorter period is one of high resolution, which has another price."""


def alarm(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    at = region(resource)
    if resource.number("period", Decimal(300)) < SHORT_PERIOD_S:
        yield unpriced(resource, f"an alarm on a period under {SHORT_PERIOD_S} s has another price")
        return
    metrics = len(resource.list("metricQueries")) or 1
    yield stack.line(
        resource, "Alarm", "alarm", at, Decimal(metrics), part="operations", kind="watching"
    )
    if _own_metric(resource) and resource.urn == min(
        other.urn for other in stack.by_type(ALARM) if _metric(other) == _metric(resource)
    ):
        yield stack.line(
            resource, "Metric of one's own", "metric", at, MONTH, part="operations", kind="watching"
        )


def _own_metric(resource: PlannedResource) -> bool:
    """Whether the stack sends this metric itself; those of AWS are free."""
    namespace = resource.inputs.get("namespace")
    return isinstance(namespace, str) and not namespace.startswith("AWS/")


def _metric(resource: PlannedResource) -> str:
    return repr([resource.inputs.get(key) for key in ("namespace", "metricName", "dimensions")])


def log_group(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    for name, item, key in (
        ("Logs taken in", "logs", "log_gb"),
        ("Logs kept", "logs-stored", "log_stored_gb"),
    ):
        yield from stack.usage_lines(
            resource, name, item, region(resource), key, part="operations", kind="watching"
        )


def record(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """It is free; its zone, which is not the stack's, pays for what is asked."""
    yield from stack.usage_lines(
        resource,
        "Answers of Route 53",
        "dns-queries",
        region(resource),
        "dns_million_queries",
        part="network",
        kind="traffic",
    )


def health_check(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """Of an address at AWS: free, of the first 50 of an account, but for what is optional."""
    if not stack.behind(resource, "ipAddress", ADDRESS):
        yield unpriced(resource, "only a health check of an Elastic IP has a price")
        return
    kind = str(resource.inputs.get("type"))
    options = [
        kind.startswith("HTTPS"),
        kind.endswith("_STR_MATCH"),
        resource.number("requestInterval", Decimal(30)) == Decimal(10),
        resource.flag("measureLatency"),
    ]
    if any(options):
        yield stack.line(
            resource,
            "Health check from outside",
            "health-check-option",
            region(resource),
            Decimal(sum(options)),
            part="operations",
            kind="watching",
            detail="by HTTPS" if options == [True, False, False, False] else "",
        )


def kms_key(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    yield stack.line(
        resource, "Key", "kms-key", region(resource), MONTH, part="operations", kind="watching"
    )


def secret(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    yield stack.line(
        resource, "Secret", "secret", region(resource), MONTH, part="operations", kind="watching"
    )
