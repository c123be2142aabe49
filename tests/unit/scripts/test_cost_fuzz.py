"""Whatever a plan file holds, an estimate comes or one sentence: never a trace."""

from __future__ import annotations

import copy
import datetime
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from components.errors import UserError
from planning.costs import markdown, plan_file, price_books
from planning.costs.document import of_estimates as document_of
from planning.costs.estimate import estimate
from tests.support import cost_plans
from tests.support.cost_plans import resource

TODAY = datetime.date(2026, 11, 22)
CLOUDS = price_books.all_clouds(TODAY)
US = {"region": "us-east-1"}
RESOURCES = [
    resource("pulumi:providers:aws", "provider", US),
    resource(
        cost_plans.INSTANCE,
        "server",
        {
            **cost_plans.ec2()[0]["inputs"],
            "creditSpecification": {"cpuCredits": "standard"},
            "ebsBlockDevices": [{"volumeType": "gp3", "volumeSize": 8}],
            "monitoring": True,
            "instanceMarketOptions": {"marketType": "capacity-block"},
            "tenancy": "default",
            "networkInterfaces": [],
        },
        sources={"subnetId": ["urn"]},
    ),
    cost_plans.rds(
        iops=4000,
        storageThroughput=300,
        performanceInsightsRetentionPeriod=7,
        engineVersion="13.4",
        publiclyAccessible=True,
        identifier="shop",
    ),
    resource(
        cost_plans.DATABASE,
        "replica",
        {**US, "replicateSourceDb": "shop", "instanceClass": "db.t4g.micro"},
    ),
    resource("aws:ec2/eip:Eip", "address", US, sources={"instance": ["urn"]}),
    resource("aws:s3/bucket:Bucket", "dumps", {**US, "objectLockEnabled": True}),
    resource("aws:acm/certificate:Certificate", "tls", {"options": {"export": "DISABLED"}}),
    resource("digitalocean:index/spacesBucket:SpacesBucket", "space", {"region": "fra1"}),
    resource("aws:cloudwatch/metricAlarm:MetricAlarm", "a", {**US, "metricQueries": [{}]}),
    cost_plans.droplet(backups=True, backupPolicy={"plan": "weekly"}),
    cost_plans.cluster(disk_gib=80),
]
ODD = some.sampled_from(
    [None, True, 0, -1, 1.5, "", "x", "1e999", 10**30, [], [1], ["x"], {}, {"a": 1}]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something else could be put."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in inner:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


OFFLINE = cost_plans.document(*RESOURCES)
PREVIEW = {
    **cost_plans.preview(*RESOURCES),
    "diagnostics": [{"severity": "info", "message": "well"}],
    "config": {"aws:region": "us-east-1"},
}
CHANGES = some.sampled_from(
    [(document, place) for document in (OFFLINE, PREVIEW) for place in places(document)]
)


def test_the_documents_are_right_before_they_are_changed() -> None:
    for document in (OFFLINE, PREVIEW):
        assert estimate(plan_file.parse(json.dumps(document), "plan.json"), CLOUDS).total > 100


@settings(deadline=None, max_examples=400)
@given(CHANGES, ODD)
def test_an_estimate_or_a_sentence(
    change: tuple[dict[str, Any], tuple[Any, ...]], odd: Any
) -> None:
    document, place = copy.deepcopy(change[0]), change[1]
    inner: Any = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = odd
    try:
        priced = estimate(plan_file.parse(json.dumps(document), "plan.json"), CLOUDS)
    except UserError as error:
        assert error.exit_code == 2
        assert "\n" not in str(error)
    else:
        assert json.loads(document_of([priced], TODAY))["stacks"]
        assert len(markdown.of_estimates([priced], TODAY).splitlines()) <= 60
