"""What AWS's records, alarms, logs, keys and secrets cost."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from components.clouds.aws.known.disk_costs import region
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


def kms_key(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    yield stack.line(
        resource, "Key", "kms-key", region(resource), MONTH, part="operations", kind="watching"
    )


def secret(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    yield stack.line(
        resource, "Secret", "secret", region(resource), MONTH, part="operations", kind="watching"
    )
